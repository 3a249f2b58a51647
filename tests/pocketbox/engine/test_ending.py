"""How a graph ends: by itself, by a unit, by a signal, by a mistake. Exit codes and messages."""
import signal
import time

import pytest

CHAIN = "s[flowunit=source, name=s]\nx[flowunit=sink, name=x]\ns:out -> x:in"


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_it_ends_when_the_data_is_finished_and_units_are_closed(project):
    code, output = project.run(CHAIN)
    assert code == 0, output
    assert project.records("x") == list(range(10))
    assert project.records("post") == ["x"]
    assert sorted(project.records("close")) == ["s", "x"]


def test_a_thread_that_a_source_started_keeps_it_going(project):
    project.unit("Later", """
    class Later(Base):
        def open(self, config):
            self.config = config
            threading.Thread(target=self.produce, daemon=True).start()
            return mb.Status()

        def produce(self):
            for k in range(3):
                time.sleep(0.1)
                ext = self.create_external_data()
                bl = ext.create_buffer_list()
                bl.push_back(np.array([k], np.int64))
                ext.send(bl)
                ext.close()

        def process(self, ctx):
            for b in ctx.external():
                ctx.output("out").push_back(b)
            return mb.Status()
    """, [], ["out"], stream=True)
    code, output = project.run("s[flowunit=later]\nx[flowunit=sink, name=x]\ns:out -> x:in")
    assert code == 0, output
    assert project.records("x") == [0, 1, 2]


def test_external_data_from_a_thread_waits_for_room_and_freezes_nothing(project):
    project.unit("Flood", """
    class Flood(Base):
        def open(self, config):
            self.config = config
            threading.Thread(target=self.produce, daemon=True).start()
            return mb.Status()

        def produce(self):
            ext = self.create_external_data()
            for k in range(3000):
                bl = ext.create_buffer_list()
                bl.push_back(np.array([k], np.int64))
                ext.send(bl)
            ext.close()

        def process(self, ctx):
            got = [value(b) for b in ctx.external()]
            record("most", len(got))
            ctx.output("out").push_back(self.new(len(got)))
            return mb.Status()
    """, [], ["out"], stream=True)
    code, output = project.run("s[flowunit=flood, queue_size_external=50]\nx[flowunit=sink, name=x]\ns:out -> x:in")
    assert code == 0, output
    assert sum(project.records("x")) == 3000
    assert max(project.records("most")) <= 52


def test_an_event_from_a_thread_calls_the_unit_again(project):
    project.unit("Woken", """
    class Woken(Base):
        def process(self, ctx):
            event = ctx.event()
            if event is not None:
                ctx.output("out").push_back(self.new(event.get_private_int("v")))
                return mb.Status()

            def wake():
                time.sleep(0.15)
                e = mb.FlowUnitEvent()
                e.set_private_int("v", 77)
                ctx.send_event(e)

            threading.Thread(target=wake, daemon=True).start()
            return S.STATUS_CONTINUE
    """, ["in"], ["out"], stream=True)
    code, output = project.run("""
    s[flowunit=source, count=1]
    w[flowunit=woken]
    x[flowunit=sink, name=x]
    s:out -> w:in
    w:out -> x:in
    """)
    assert code == 0, output
    assert project.records("x") == [77]


def test_a_sink_can_stop_the_graph(project):
    project.unit("Enough", """
    class Enough(Base):
        def process(self, ctx):
            return S.STATUS_STOP
    """, ["in"], [], stream=True)
    code, output = project.run("s[flowunit=source, count=1000000, name=s]\nx[flowunit=enough, name=x]\ns:out -> x:in")
    assert code == 0, output
    assert sorted(project.records("close")) == ["s", "x"]


ENDLESS = "s[flowunit=source, count=100000000, name=s]\nx[flowunit=sink, name=x, queue_size=2]\ns:out -> x:in"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(project, number):
    process = project.start(ENDLESS)
    wait_for(lambda: len(project.records("x")) > 20)
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    seen = project.records("x")
    assert seen == list(range(len(seen))), "nothing lost, nothing doubled"
    assert project.records("post") == ["x"], "the sink saw the end of its stream"
    assert sorted(project.records("close")) == ["s", "x"]


def test_a_second_signal_does_not_wait_for_the_drain(project):
    project.unit("Stuck", """
    class Stuck(Base):
        def process(self, ctx):
            record("in", 1)
            time.sleep(0.5)
            return mb.Status()
    """, ["in"], [], stream=True)
    process = project.start("s[flowunit=source, count=100000, name=s]\nx[flowunit=stuck, name=x]\ns:out -> x:in")
    wait_for(lambda: project.records("in"))
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert time.monotonic() - began < 8


BAD = {
    "drops": ("return mb.Status()", "was given 1 buffer and put 0 on port out"),
    "returns nothing": ("[ctx.output('out').push_back(b) for b in ctx.input('in')]", "returned None"),
    "returns a number": ("[ctx.output('out').push_back(b) for b in ctx.input('in')]; return 0", "returned int (0)"),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_broken_rule_names_unit_node_file_and_line(project, name):
    body, message = BAD[name]
    path = project.unit("Bad", """
    class Bad(Base):
        def process(self, ctx):
            %s
    """ % body, ["in"], ["out"])
    line = 1 + path.read_text(encoding="utf-8").splitlines().index("    def process(self, ctx):")
    code, output = project.run("""
    s[flowunit=source]
    thenode[flowunit=bad, batch_size=1]
    x[flowunit=sink, name=x]
    s:out -> thenode:in
    thenode:out -> x:in
    """)
    assert code == 2
    assert message in output and "thenode" in output
    assert "%s:%d" % (path, line) in output
    assert "Traceback" not in output


@pytest.mark.parametrize("body, message", [
    ("def process(self ctx):\n    pass", "SyntaxError"),
    ("import no_such_module_at_all", "No module named 'no_such_module_at_all'"),
    ("class Other:\n    pass", "has no class Unit"),
    ("class Unit(Base):\n    def open(self, config):\n        return mb.Status(S.STATUS_FAULT, 'no camera')",
     "no camera"),
    ("class Unit(Base):\n    def open(self, config):\n        return 1 / 0", "ZeroDivisionError"),
    ("class Unit(Base):\n    def open(self, config):\n        pass", "returned None"),
])
def test_a_unit_that_cannot_be_opened_is_a_build_failure(project, body, message):
    path = project.unit("Unit", body, ["in"], ["out"])
    code, output = project.run("s[flowunit=source]\nu[flowunit=unit]\nx[flowunit=sink]\ns:out -> u:in\nu:out -> x:in")
    assert code == 1
    line = next(row for row in output.splitlines() if row.startswith("build flow failed"))
    assert message in line
    assert str(path.parent) in line or "graph.toml" in line


@pytest.mark.parametrize("status, code", [("STATUS_BADCONF", 1), ("STATUS_SUCCESS", 0)])
def test_a_thread_that_a_unit_leaves_behind_does_not_hold_the_process(project, status, code):
    project.unit("Keeper", """
    class Keeper(Base):
        def open(self, config):
            self.config = config
            threading.Thread(target=time.sleep, args=(600,), name="lonely").start()
            return mb.Status(S.%s, "as asked")

        def process(self, ctx):
            return mb.Status()
    """ % status, inputs=["in"])
    found, output = project.run("s[flowunit=source, name=s]\nk[flowunit=keeper, name=k]\ns:out -> k:in")
    assert found == code, output
    assert "given up: lonely" in output
