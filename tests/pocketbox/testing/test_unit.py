"""UnitUnderTest: what it runs, in which order, and what it says of a unit that breaks the rules."""
from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from pocketbox.errors import BuildError, PocketboxError, RunError
from pocketbox.sdk.buffer import Buffer
from pocketbox.sdk.flowunit import FlowUnit
from pocketbox.sdk.private import DataMeta, FlowUnitEvent
from pocketbox.sdk.status import Status, StatusCode
from pocketbox.testing import FakeClock, Sink, Source, UnitUnderTest, frames, number_in, numbers, run_graph

OK = StatusCode.STATUS_SUCCESS


class Plain(FlowUnit):
    """Hands its input on; `act` changes what one call does."""

    act: Any = None

    def open(self, config: Any) -> Any:
        self.calls: list[Any] = []
        self.config = config
        return Status()

    def data_pre(self, data_context: Any) -> Any:
        self.calls.append("pre")
        data_context.set_private("seen", [])
        return Status()

    def process(self, data_context: Any) -> Any:
        buffers = data_context.input("in")
        self.calls.append(len(buffers) if buffers is not None else "event")
        if self.act is not None:
            return self.act(data_context)
        for buffer in buffers:
            data_context.output("out").push_back(buffer)
        return OK

    def data_post(self, data_context: Any) -> Any:
        self.calls.append("post")
        return Status()

    def close(self) -> Any:
        self.calls.append("close")
        return Status()


def under_test(act: Any = None, ports: str = "in -> out", **options: Any) -> UnitUnderTest:
    unit = UnitUnderTest(Plain, ports=ports, **options)
    unit.unit.act = act
    return unit


def of(buffers: Any) -> list[int]:
    return [number_in(buffer) for buffer in buffers]


def test_a_normal_unit_gets_batches_and_no_stream_calls() -> None:
    with under_test(config={"batch_size": 3}) as unit:
        assert of(unit.process({"in": numbers(7)})["out"]) == list(range(7))
        assert unit.unit.calls == [3, 3, 1]
    assert unit.unit.calls[-1] == "close"


def test_what_can_be_given() -> None:
    unit = under_test()
    array = np.arange(6).reshape(2, 3)
    out = unit.process({"in": [array, "text", b"bytes", Buffer(None, array)]})["out"]
    assert np.array_equal(np.asarray(out[0]), array) and out[1].as_object() == "text" and out[2].as_bytes() == b"bytes"
    assert of(unit.process({"in": numbers(1)[0]})["out"]) == [0]


def test_a_stream_unit_gets_pre_and_post_once() -> None:
    unit = under_test(stream=True)
    with unit.stream(meta={"source_url": "x"}) as stream:
        assert of(stream.process({"in": numbers(2)})["out"]) == [0, 1]
        assert of(stream.process({"in": numbers(1, 2)})["out"]) == [2]
        assert unit.unit.calls == ["pre", 1, 1, 1]
    assert unit.unit.calls[-1] == "post"
    with pytest.raises(PocketboxError, match="the stream is over"):
        stream.process({"in": numbers(1)})


def test_contexts_last_as_long_as_the_stream_and_carry_meta() -> None:
    def act(ctx: Any) -> Any:
        seen = ctx.get_private("seen")
        seen.append(ctx.get_input_meta("in").get_private_string("who"))
        assert ctx.get_session_context().get_private("shared") == 5
        assert ctx.get_session_config().get_int("k") == 7
        ctx.output("out").push_back(np.array([len(seen)]))
        return OK

    unit = under_test(act, stream=True)
    with unit.stream({"who": "a"}, {"shared": 5}, {"nodes.k": 7}) as stream:
        assert of(stream.process({"in": numbers(3)})["out"]) == [1, 2, 3]


def test_filtering_in_a_stream_unit() -> None:
    def act(ctx: Any) -> Any:
        for buffer in ctx.input("in"):
            if number_in(buffer) % 2:
                ctx.output("out").push_back(buffer)
        return OK

    assert of(under_test(act, stream=True).process({"in": numbers(6)})["out"]) == [1, 3, 5]


def test_events_one_call_at_a_time() -> None:
    def act(ctx: Any) -> Any:
        seen = ctx.get_private("seen")
        seen.append(1)
        ctx.output("out").push_back(np.array([len(seen)]))
        if len(seen) == 4:
            return OK
        ctx.send_event(FlowUnitEvent())
        return StatusCode.STATUS_CONTINUE

    unit = under_test(act, stream=True)
    with unit.stream() as stream:
        assert of(stream.process({"in": numbers(1)}, calls=1)["out"]) == [1]
        assert of(stream.event()["out"]) == [2]
    assert of(stream.last["out"]) == [3, 4]
    assert of(unit.process({"in": numbers(1)})["out"]) == [1, 2, 3, 4]


def test_two_ports_are_matched_by_position() -> None:
    def act(ctx: Any) -> Any:
        for a, b in zip(ctx.input("a"), ctx.input("b")):
            ctx.output("out").push_back(np.array([number_in(a) * 10 + number_in(b)]))
        return OK

    unit = UnitUnderTest(type("Join", (Plain,), {"process": lambda self, ctx: act(ctx)}), ports="a, b -> out")
    assert of(unit.process({"a": numbers(2, 1), "b": numbers(2, 5)})["out"]) == [15, 26]
    with pytest.raises(PocketboxError, match="different numbers of buffers: a 2, b 1"):
        unit.process({"a": numbers(2), "b": numbers(1)})
    with pytest.raises(PocketboxError, match="has the input ports a, b, the test gives c"):
        unit.process({"c": []})


def test_condition_expand_and_collapse() -> None:
    def route(ctx: Any) -> Any:
        buffer = ctx.input("in")[0]
        ctx.output("even" if number_in(buffer) % 2 == 0 else "odd").push_back(buffer)
        return OK

    out = under_test(route, ports="in -> even, odd", condition=True).process({"in": numbers(5)})
    assert (of(out["even"]), of(out["odd"])) == ([0, 2, 4], [1, 3])

    def repeat(ctx: Any) -> Any:
        for _ in range(2):
            ctx.output("out").push_back(ctx.input("in")[0])
        return OK

    assert of(under_test(repeat, expand=True).process({"in": numbers(2)})["out"]) == [0, 0, 1, 1]

    def add(ctx: Any) -> Any:
        ctx.output("out").push_back(np.array([sum(of(ctx.input("in")))]))
        return OK

    unit = under_test(add, collapse=True)
    with unit.stream() as stream:
        assert of(stream.process({"in": numbers(4)})["out"]) == [6]
        assert of(stream.process({"in": numbers(2, 10)})["out"]) == [21]


def test_a_source() -> None:
    class Counter(Plain):
        def open(self, config: Any) -> Any:
            super().open(config)
            feed = self.create_external_data()
            start = feed.create_buffer_list()
            start.push_back(b"x")
            feed.send(start)
            feed.close()
            return Status()

        def process(self, data_context: Any) -> Any:
            seen = data_context.get_private("seen")
            seen.append(1)
            data_context.output("out").push_back(np.array([len(seen)]))
            if len(seen) == 5:
                return OK
            data_context.send_event(FlowUnitEvent())
            return StatusCode.STATUS_CONTINUE

    unit = UnitUnderTest(Counter, ports="-> out", stream=True)
    assert of(unit.pull(2)["out"]) == [1, 2] and of(unit.pull()["out"]) == [3, 4, 5]
    with pytest.raises(PocketboxError, match="it is a source"):
        unit.stream()


def test_faults_are_error_buffers_and_exceptions_reach_the_test() -> None:
    unit = under_test(lambda ctx: Status(StatusCode.STATUS_FAULT, "no"))
    out = unit.process({"in": numbers(2)})["out"]
    assert [(b.get_error_code(), b.get_error_msg()) for b in out] == [("Plain.ProcessError", "no")] * 2
    with pytest.raises(ZeroDivisionError):
        under_test(lambda ctx: 1 / 0).process({"in": numbers(1)})
    (failed,) = under_test(lambda ctx: 1 / 0, raises=False).process({"in": numbers(1)})["out"]
    assert failed.has_error()
    sink = under_test(lambda ctx: Status(StatusCode.STATUS_FAULT, "no"), ports="in ->")
    sink.process({"in": numbers(1)})
    assert sink.failures == ["no"]


@pytest.mark.parametrize(("act", "options", "words"), [
    (lambda ctx: None, {}, "process of unit Plain \\(node unit\\) returned None"),
    (lambda ctx: OK, {}, "was given 1 buffer and put 0 on port out"),
    (lambda ctx: True, {"stream": True}, "returned bool"),
    (lambda ctx: OK, {"condition": True}, "put 0 buffers out for one")])
def test_broken_rules_are_named(act: Any, options: Any, words: str) -> None:
    with pytest.raises(RunError, match=words) as caught:
        under_test(act, **options).process({"in": numbers(1)})
    assert caught.value.place is not None and caught.value.place.file == __file__


def test_open_that_fails() -> None:
    class Bad(Plain):
        def open(self, config: Any) -> Any:
            return Status(StatusCode.STATUS_BADCONF, "no colour") if config.get_bool("say") else None

    with pytest.raises(BuildError, match="returned None"):
        UnitUnderTest(Bad, ports="in -> out")
    with pytest.raises(BuildError, match="no colour"):
        UnitUnderTest(Bad, {"say": True}, ports="in -> out")
    with pytest.raises(BuildError, match="no descriptor for class Plain"):
        UnitUnderTest(Plain)


def test_stop_is_kept() -> None:
    unit = under_test(lambda ctx: StatusCode.STATUS_STOP)
    unit.process({"in": numbers(1)})
    assert unit.stopped == StatusCode.STATUS_STOP


def test_config_reads_as_in_a_graph() -> None:
    unit = under_test(config={"on": True, "list": [1, 2], "text": "x", "number": 1.5})
    config = unit.unit.config
    assert config.get_bool("on") and config.get_int_list("list") == [1, 2] and config.get_float("number") == 1.5


def test_a_context_by_hand() -> None:
    unit = under_test()
    event = FlowUnitEvent()
    ctx = unit.context({"in": numbers(2)}, event=event, private={"seen": [1]}, meta={"who": "me"})
    assert unit.unit.process(ctx) == OK and of(ctx.output("out")) == [0, 1]
    assert ctx.event() is event and ctx.get_private("seen") == [1] and ctx.output("nonsense") is None
    assert ctx.get_input_meta("in").get_private_string("who") == "me"
    assert unit.context().input("in") is None


def test_folder_file_and_wrong_paths(tmp_path: Any) -> None:
    folder = tmp_path / "tu_pass"
    folder.mkdir()
    (folder / "tu_pass.py").write_text(
        "import _flowunit as mb\nclass TuPass(mb.FlowUnit):\n    def open(self, config):\n        return mb.Status()\n"
        "    def process(self, ctx):\n        for b in ctx.input('in'):\n            ctx.output('out').push_back(b)\n"
        "        return mb.Status()\n    def close(self):\n        return mb.Status()\n", encoding="utf-8")
    (folder / "tu_pass.toml").write_text(
        '[base]\nname = "tu_pass"\ndevice = "cpu"\nversion = "1.0.0"\ndescription = "d"\nentry = "tu_pass@TuPass"\n'
        'type = "python"\nstream = false\n[input.input1]\nname = "in"\n[output.output1]\nname = "out"\n',
        encoding="utf-8")
    for what in (folder, str(folder / "tu_pass.toml")):
        assert of(UnitUnderTest(what).process({"in": numbers(2)})["out"]) == [0, 1]
    with pytest.raises(PocketboxError, match="holds 0 descriptors"):
        (tmp_path / "empty").mkdir()
        UnitUnderTest(tmp_path / "empty")


def test_numbers_survive_what_units_do_to_meta() -> None:
    made = frames(3, start=70000)
    assert of(made) == [70000, 70001, 70002] and made[2].get("eos") is True and made[0].get("timestamp") == 2800000
    assert np.asarray(made[0]).shape == (48, 64, 3)
    with pytest.raises(ValueError, match="24 x 2"):
        frames(1, 8, 8)
    with pytest.raises(ValueError, match="no numbered data"):
        number_in(np.zeros(3))


def test_the_clock_is_turned_by_hand() -> None:
    real = time.monotonic
    with FakeClock(100.0) as clock:
        assert time.time() == time.monotonic() == 100.0
        time.sleep(5)
        clock.advance(2.5)
        assert time.perf_counter() == 107.5 and time.time_ns() == 107500000000
    assert time.monotonic is real


GRAPH = "digraph g { s[flowunit=s, device=cpu] k[flowunit=k, device=cpu] s:out -> k:in }"


def test_a_graph_between_source_and_sink() -> None:
    sink = Sink()
    run_graph(GRAPH, {"s": Source(numbers(30), {"a": "b"}, sessions=2), "k": sink})
    assert sorted(of(sink.buffers)) == sorted(list(range(30)) * 2)
    assert [of(stream) for stream in sink.streams] == [list(range(30))] * 2 and sink.ended == 2


def test_graphs_that_fail() -> None:
    with pytest.raises(BuildError, match="there is no flowunit 'k'"):
        run_graph(GRAPH, {"s": Source([])})
    with pytest.raises(BuildError, match="Give a Source"):
        run_graph(GRAPH, {"s": 5})


def test_stream_meta_of_a_unit_reaches_what_is_behind() -> None:
    class Telling(Plain):
        def data_pre(self, data_context: Any) -> Any:
            meta = DataMeta()
            meta.set_private_string("told", "yes")
            data_context.set_output_meta("out", meta)
            return super().data_pre(data_context)

    unit = UnitUnderTest(Telling, ports="in -> out", stream=True)
    (out,) = unit.process({"in": numbers(1)})["out"]
    assert out.seat.meta.get_private_string("told") == "yes"
