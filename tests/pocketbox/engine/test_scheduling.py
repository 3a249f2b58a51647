"""Threads, order, queues: what a graph does while it runs."""
import os

import pytest

PASS = """
class Pass(Base):
    def process(self, ctx):
        for b in ctx.input("in"):
            ctx.output("out").push_back(b)
        return mb.Status()
"""


def test_two_nodes_run_at_the_same_time(project):
    # Each node waits until the other one is in a call as well; a single thread would never get there.
    project.unit("Meet", """
    import builtins
    if not hasattr(builtins, "meeting"):
        builtins.meeting = threading.Barrier(2)

    class Meet(Base):
        def process(self, ctx):
            for b in ctx.input("in"):
                if value(b) == 0 or self.config.get_string("name") == "a" and value(b) == 1:
                    pass
                ctx.output("out").push_back(b)
            if not getattr(self, "met", False):
                builtins.meeting.wait(20)
                self.met = True
            return mb.Status()
    """, ["in"], ["out"], stream=True)
    code, output = project.run("""
    s[flowunit=source, count=50]
    a[flowunit=meet, name=a]
    b[flowunit=meet, name=b]
    x[flowunit=sink, name=x]
    y[flowunit=sink, name=y]
    s:out -> a:in
    s:out -> b:in
    a:out -> x:in
    b:out -> y:in
    """)
    assert code == 0, output
    assert project.records("x") == project.records("y") == list(range(50))


def test_a_normal_unit_runs_side_by_side_and_the_order_stays(project):
    project.unit("Slow", """
    import builtins
    builtins.slow_now = 0
    builtins.slow_most = 0
    lock = threading.Lock()

    class Slow(Base):
        def process(self, ctx):
            with lock:
                builtins.slow_now += 1
                builtins.slow_most = max(builtins.slow_most, builtins.slow_now)
            for b in ctx.input("in"):
                time.sleep(0.004 if value(b) % 2 else 0.001)
                ctx.output("out").push_back(b)
            with lock:
                builtins.slow_now -= 1
            return mb.Status()

        def close(self):
            record("most", builtins.slow_most)
            return mb.Status()
    """, ["in"], ["out"])
    code, output = project.run("""
    s[flowunit=source, count=120, each=10]
    a[flowunit=slow, batch_size=1]
    x[flowunit=sink, name=x]
    s:out -> a:in
    a:out -> x:in
    """)
    assert code == 0, output
    assert project.records("x") == list(range(120))
    assert project.records("most")[0] >= 2


def test_a_fast_source_waits_for_a_slow_sink(project):
    project.unit("Count", """
    class Count(Base):
        def process(self, ctx):
            for b in ctx.input("in"):
                record("made", value(b))
                ctx.output("out").push_back(b)
            return mb.Status()
    """, ["in"], ["out"])
    project.unit("Lazy", """
    class Lazy(Base):
        def process(self, ctx):
            for b in ctx.input("in"):
                time.sleep(0.003)
                record("done", value(b))
            return mb.Status()
    """, ["in"], [], stream=True)
    code, output = project.run("""
    s[flowunit=source, count=150]
    a[flowunit=count, batch_size=1, queue_size=4]
    x[flowunit=lazy, queue_size=4]
    s:out -> a:in
    a:out -> x:in
    """)
    assert code == 0, output
    ahead = most = 0
    for key, _ in project.records():
        ahead += {"made": 1, "done": -1}.get(key, 0)
        most = max(most, ahead)
    assert len(project.records("done")) == 150
    assert most <= 4 + 32 + 1, "no more than a queue and one run may lie between them"


def test_branches_that_run_apart_do_not_stand_still(project):
    # The hoarder gives nothing until it has seen all; the other branch must be let run ahead of a queue of one.
    project.unit("Hoard", """
    class Hoard(Base):
        def data_pre(self, ctx):
            ctx.set_private("all", [])
            return mb.Status()

        def process(self, ctx):
            kept = ctx.get_private("all")
            for b in ctx.input("in"):
                kept.append(value(b))
            if len(kept) == 60:
                for v in kept:
                    ctx.output("out").push_back(self.new(-v))
            return mb.Status()
    """, ["in"], ["out"], stream=True)
    project.unit("Both", """
    class Both(Base):
        def process(self, ctx):
            for a, b in zip(ctx.input("a"), ctx.input("b")):
                ctx.output("out").push_back(self.new(value(a) + value(b)))
            return mb.Status()
    """, ["a", "b"], ["out"])
    code, output = project.run("""
    queue_size = 1
    s[flowunit=source, count=60]
    h[flowunit=hoard]
    j[flowunit=both]
    x[flowunit=sink, name=x]
    s:out -> h:in
    s:out -> j:a
    h:out -> j:b
    j:out -> x:in
    """)
    assert code == 0, output
    assert project.records("x") == [0] * 60


@pytest.mark.parametrize("size", [1, 2, 32])
def test_an_inner_stream_longer_than_the_queue_is_collapsed(project, size):
    project.unit("Burst", """
    class Burst(Base):
        def process(self, ctx):
            for b in ctx.input("in"):
                for k in range(50):
                    ctx.output("out").push_back(self.new(value(b)))
            return mb.Status()
    """, ["in"], ["out"], expand=True)
    project.unit("Sum", """
    class Sum(Base):
        def process(self, ctx):
            ctx.output("out").push_back(self.new(sum(value(b) for b in ctx.input("in"))))
            return mb.Status()
    """, ["in"], ["out"], collapse=True)
    project.unit("Pass", PASS, ["in"], ["out"])
    code, output = project.run("""
    queue_size = %d
    s[flowunit=source, count=20]
    b[flowunit=burst]
    p[flowunit=pass]
    c[flowunit=sum]
    x[flowunit=sink, name=x]
    s:out -> b:in
    b:out -> p:in
    p:out -> c:in
    c:out -> x:in
    """ % size)
    assert code == 0, output
    assert project.records("x") == [50 * k for k in range(20)]


CONDITION = """
class Part(Base):
    def process(self, ctx):
        for b in ctx.input("in"):
            ctx.output("even" if value(b) % 2 == 0 else "odd").push_back(b)
        return mb.Status()
"""


def merge_graph(middle):
    return """
    s[flowunit=source, count=40, each=7]
    c[flowunit=part]
    m[flowunit=middle]
    p[flowunit=pass]
    q[flowunit=pass]
    x[flowunit=sink, name=x]
    s:out -> c:in
    c:even -> m:in
    m:out -> q:in
    c:odd -> p:in
    q:out -> x:in
    p:out -> x:in
    """


def test_a_branch_may_drop_buffers(project):
    project.unit("Part", CONDITION, ["in"], ["even", "odd"], condition=True)
    project.unit("Pass", PASS, ["in"], ["out"])
    project.unit("Middle", """
    class Middle(Base):
        def process(self, ctx):
            for b in ctx.input("in"):
                if value(b) % 4 == 0:
                    ctx.output("out").push_back(b)
            return mb.Status()
    """, ["in"], ["out"], stream=True)
    code, output = project.run(merge_graph("middle"))
    assert code == 0, output
    assert project.records("x") == [k for k in range(40) if k % 4 != 2]


def test_a_branch_may_not_repeat_buffers(project):
    project.unit("Part", CONDITION, ["in"], ["even", "odd"], condition=True)
    project.unit("Pass", PASS, ["in"], ["out"])
    project.unit("Middle", """
    class Middle(Base):
        def process(self, ctx):
            for b in ctx.input("in"):
                ctx.output("out").push_back(b)
                ctx.output("out").push_back(b)
            return mb.Status()
    """, ["in"], ["out"], stream=True)
    code, output = project.run(merge_graph("middle"))
    assert code == 2
    assert "port x:in gets two buffers for buffer 0" in output


def test_expand_to_nothing_leaves_a_place_that_nobody_sees(project):
    project.unit("Spread", """
    class Spread(Base):
        def process(self, ctx):
            for b in ctx.input("in"):
                for k in range(value(b) % 3):
                    ctx.output("out").push_back(b)
            return mb.Status()
    """, ["in"], ["out"], expand=True)
    project.unit("Sum", """
    class Sum(Base):
        def process(self, ctx):
            ctx.output("out").push_back(self.new(sum(value(b) for b in ctx.input("in"))))
            return mb.Status()
    """, ["in"], ["out"], collapse=True)
    project.unit("Both", """
    class Both(Base):
        def process(self, ctx):
            for a, b in zip(ctx.input("a"), ctx.input("b")):
                ctx.output("out").push_back(self.new(1000 * value(a) + value(b)))
            return mb.Status()
    """, ["a", "b"], ["out"])
    code, output = project.run("""
    s[flowunit=source, count=9]
    e[flowunit=spread]
    c[flowunit=sum]
    j[flowunit=both]
    x[flowunit=sink, name=x]
    s:out -> e:in
    e:out -> c:in
    s:out -> j:a
    c:out -> j:b
    j:out -> x:in
    """)
    assert code == 0, output
    assert project.records("x") == [1000 * k + k * (k % 3) for k in range(9) if k % 3]


def test_two_sessions_do_not_mix(project):
    project.unit("Twice", """
    class Twice(Base):
        def open(self, config):
            self.config = config
            for k in (100, 200):
                ext = self.create_external_data()
                ext.get_session_context().set_private_int("base", k)
                bl = ext.create_buffer_list()
                bl.push_back(np.zeros(1, np.uint8))
                ext.send(bl)
                ext.close()
            return mb.Status()

        def process(self, ctx):
            base = ctx.get_session_context().get_private_int("base")
            for k in range(20):
                ctx.output("out").push_back(self.new(base + k))
            return mb.Status()
    """, [], ["out"], stream=True)
    project.unit("Total", """
    class Total(Base):
        def data_pre(self, ctx):
            ctx.set_private("sum", [0])
            return mb.Status()

        def process(self, ctx):
            for b in ctx.input("in"):
                ctx.get_private("sum")[0] += value(b)
            return mb.Status()

        def data_post(self, ctx):
            record("sum", [ctx.get_session_context().get_private_int("base"), ctx.get_private("sum")[0]])
            return mb.Status()
    """, ["in"], [], stream=True)
    code, output = project.run("s[flowunit=twice]\nt[flowunit=total]\ns:out -> t:in")
    assert code == 0, output
    assert sorted(project.records("sum")) == [[100, sum(range(100, 120))], [200, sum(range(200, 220))]]


BESIDE = """
    import builtins, hashlib
    builtins.now = 0
    lock = threading.Lock()

    class Beside(Base):
        def process(self, ctx):
            with lock:
                builtins.now += 1
                record("beside", builtins.now)
            for b in ctx.input("in"):
                self.spend()
                ctx.output("out").push_back(b)
            with lock:
                builtins.now -= 1
            return mb.Status()

        def spend(self):
            if self.config.get_bool("wait", False):
                time.sleep(0.004)
                return
            end = time.thread_time() + 0.004
            while time.thread_time() < end:
                hashlib.sha256(bytes(200000))   # without Python's lock
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no way to take cores away here")
@pytest.mark.parametrize("wait", [True, False])
def test_calls_that_wait_run_beside_others_and_calls_that_compute_keep_their_core(project, wait):
    project.unit("Beside", BESIDE, ["in"], ["out"])
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        code, output = project.run("""
        s[flowunit=source, count=100]
        a[flowunit=beside, batch_size=1, wait=%s]
        x[flowunit=sink, name=x]
        s:out -> a:in
        a:out -> x:in
        """ % str(wait).lower())
    finally:
        os.sched_setaffinity(0, cores)
    assert code == 0, output
    assert project.records("x") == list(range(100))
    beside = sum(count > 1 for count in project.records("beside"))
    if wait:
        assert beside > 30, "one core is enough for two calls that wait"
    else:
        assert beside < 30, "a second call that computes gains nothing on one core"
