"""A graph bound to its units: what a node ends up with, and all that is wrong at once."""

from __future__ import annotations

import pytest

from pocketbox import graphfile
from pocketbox.attribute import boolean, setting, split, whole
from pocketbox.catalog import Catalog
from pocketbox.descriptor import Descriptor, Port
from pocketbox.resolve import resolve


def unit(name, inputs=(), outputs=(), **flags):
    made = Descriptor(name)
    made.inputs, made.outputs = [Port(p) for p in inputs], [Port(p) for p in outputs]
    made.stream = False
    for key, value in flags.items():
        setattr(made, key, value)
    return made


@pytest.fixture
def catalog():
    found = Catalog()
    for made in (
        unit("src", [], ["out"], stream=True),
        unit("step", ["in"], ["out"], config={"x": "a,b", "y": "1"}),
        unit("slow", ["in"], ["out"], stream=True),
        unit("lim", ["in"], ["out"], stream=True, max_batch_size=4),
        unit("def", ["in"], ["out"], default_batch_size=3),
        unit("sink", ["in"]),
        unit("join", ["a", "b"], ["out"]),
        unit("cond", ["in"], ["yes", "no"], condition=True),
    ):
        found.add(made)
    return found


def bind(catalog, dot, settings=""):
    return resolve(
        graphfile.loads('[graph]\nformat="graphviz"\ngraphconf="""digraph {%s}"""\n%s' % (dot, settings)), catalog
    )


CHAIN = "s[flowunit=src] n[flowunit=%s] k[flowunit=sink] s:out -> n:in -> x n:out -> k:in".replace(" -> x", "")


def test_a_node_has_its_units_config_under_its_own_attributes(catalog):
    resolved, problems = bind(catalog, 'batch_size=5; queue_size=7; other=1; ' + CHAIN % 'step, y="2,3", z="p, q"')
    assert problems == []
    node = resolved.nodes["n"]
    assert node.config["x"] == "a,b" and node.config["y"] == ["2", "3"] and node.config["z"] == ["p", "q"]
    assert node.attributes["z"] == "p, q" and node.batch_size == 5 and node.queue_size == 7
    assert "other" not in node.attributes and node.queue_sizes == {"in": 7} and node.queue_size_external == 1024


@pytest.mark.parametrize(
    "flowunit, size",
    [
        ("step", 8),
        ("step, batch_size=20", 20),
        ("slow", 1),
        ("slow, batch_size=5", 1),
        ("lim, batch_size=5", 4),
        ("lim", 1),
        ("def", 3),
        ("def, batch_size=9", 9),
        ("step, batch_size=x", 8),
    ],
)
def test_batch_sizes(catalog, flowunit, size):
    resolved, _ = bind(catalog, CHAIN % flowunit)
    assert resolved.nodes["n"].batch_size == size


def test_condition_gets_one(catalog):
    resolved, _ = bind(
        catalog,
        "s[flowunit=src] c[flowunit=cond, batch_size=9] k[flowunit=sink] s:out -> c:in c:yes -> k:in c:no -> k:in",
    )
    assert resolved.nodes["c"].batch_size == 1


def test_sizes_of_queues(catalog):
    resolved, _ = bind(catalog, CHAIN % "step, queue_size=3, queue_size_in=9, queue_size_external=5")
    node = resolved.nodes["n"]
    assert (node.queue_size, node.queue_sizes, node.queue_size_external) == (3, {"in": 9}, 5)


def test_input_and_output_nodes_have_one_port_of_their_own_name(catalog):
    resolved, problems = bind(catalog, "i[type=input] n[flowunit=step] o[type=output] i:any -> n:in n:out -> o")
    assert problems == []
    assert [repr(edge) for edge in resolved.edges] == ["i:i -> n:in", "n:out -> o:o"]
    assert resolved.nodes["i"].descriptor is None and resolved.nodes["i"].outputs == ["i"]
    assert resolved.into("o", "o")[0].source == "n" and resolved.out_of("i", "i")[0].target == "n"


def test_several_inputs_are_one_source(catalog):
    _, problems = bind(
        catalog, "i[type=input] j[type=input] n[flowunit=join] o[type=output] i -> n:a j -> n:b n:out -> o"
    )
    assert [p.code for p in problems if p.code == "SB032"] == []


def test_all_problems_come_at_once_in_the_engines_order(catalog):
    _, problems = bind(
        catalog, "z[flowunit=nobody] a[type=strange] s[flowunit=src] n[flowunit=step] s:oot -> n:in n:out -> q"
    )
    assert [(p.code, p.node, p.status) for p in problems] == [
        ("SB020", "a", "NOTSUPPORT"),
        ("SB020", "q", "NOTSUPPORT"),
        ("SB028", "s", "BADCONF"),
        ("SB024", "z", "BADCONF"),
        ("SB026", "s", "BADCONF"),
    ]
    assert all(p.place.line == 3 and p.place.column > 1 for p in problems)


def test_what_is_found_once_all_units_are_open(catalog):
    _, problems = bind(catalog, CHAIN % "step" + " t[flowunit=src] u[flowunit=sink] t:out -> u:in")
    assert [(p.code, p.after_open) for p in problems] == [("SB031", True)]


def test_loops(catalog):
    _, problems = bind(
        catalog,
        "s[flowunit=src] a[flowunit=join] b[flowunit=step] c[flowunit=step] k[flowunit=sink]"
        "s:out -> a:a a:out -> b:in b:out -> c:in c:out -> a:b c:out -> k:in",
    )
    assert [p.code for p in problems] == ["SB030"] and "a -> b -> c -> a" in problems[0].message


def test_a_disabled_flow(catalog):
    _, problems = bind(catalog, CHAIN % "step", "[flow]\nenable = false")
    assert [(p.status, p.stage) for p in problems] == [("PERMIT", "init")]
    assert type(problems[0].error()).__name__ == "FormatError"


def test_a_problem_as_text_and_as_data(catalog):
    _, problems = bind(catalog, CHAIN.replace("n:in", "n:inn") % "step")
    wrong = next(p for p in problems if p.code == "SB025")
    assert str(wrong) == (
        "<text>:3:%d: error SB025: flowunit 'step' of node 'n' has no input port 'inn'. Did you mean 'in'?"
        % wrong.place.column
    )
    assert wrong.as_dict()["port"] == "inn" and wrong.error().cure == "Did you mean 'in'?"


def test_attribute_values():
    assert split("'a,b',c\\,d, ,\"\"") == ["a,b", "c,d", ""]
    assert setting("1,2") == ["1", "2"] and setting(" x ") == "x" and setting(",") == ""
    assert boolean("true", False) and boolean("1", False) and not boolean("0", True) and boolean("yes", True)
    assert whole(" -3 ") == -3 and whole("1.5") is None and whole("") is None


@pytest.mark.parametrize("attributes, found", [
    ("device=cpu", []), ("device=cpu, deviceid=0", []), ('device="cpu:0"', []), ('device="cuda:0,1;cpu"', []),
    ('device=cpu, deviceid=1', ["SB023"]), ("deviceid=0", ["SB023"]), ('device="cpu:3"', ["SB023"]),
    ('device="cpu:0", deviceid=0', ["SB023"]), ("device=cuda", ["SB023"])])
def test_devices(catalog, attributes, found):
    _, problems = bind(catalog, CHAIN % ("step, %s" % attributes))
    assert [p.code for p in problems] == found
    assert all(p.status == "NOTFOUND" for p in problems)


def test_names_are_trimmed_and_lose_inner_quotes(catalog):
    resolved, problems = bind(catalog, CHAIN % "\" 'step' \", type=\" flowunit\", batch_size=\" '4'\"")
    assert problems == [] and resolved.nodes["n"].descriptor.name == "step" and resolved.nodes["n"].batch_size == 4
