"""Each rule about graphs, broken and kept, through check() of a file."""

from __future__ import annotations

import os
import re

import pytest

from pocketbox import catalog
from pocketbox.check import check, failed
from pocketbox.check.codes import explain, markdown, table
from pocketbox.descriptor import Descriptor, Port

UNIT = """import _flowunit as modelbox


class {cls}(modelbox.FlowUnit):
    def open(self, config):
        self.names = config.get_string("names", "")
        return modelbox.Status()

    def process(self, ctx):
        {body}
        return modelbox.Status()

    def data_pre(self, ctx):
        return modelbox.Status()

    def data_post(self, ctx):
        return modelbox.Status{stop}
"""


def unit(folder, name, inputs=(), outputs=(), flags="", body="pass", stop="()"):
    folder = folder / "units" / name
    folder.mkdir(parents=True)
    ports = "".join('[input.input%d]\nname = "%s"\n' % (n + 1, port) for n, port in enumerate(inputs))
    ports += "".join('[output.output%d]\nname = "%s"\n' % (n + 1, port) for n, port in enumerate(outputs))
    (folder / (name + ".toml")).write_text(
        '[base]\nname = "%s"\ndevice = "cpu"\nversion = "1.0.0"\ndescription = "d"\nentry = "m_%s@%s"\n'
        'type = "python"\n%s\n%s' % (name, name, name.title(), flags or "stream = false", ports),
        encoding="utf-8",
    )
    (folder / ("m_%s.py" % name)).write_text(UNIT.format(cls=name.title(), body=body, stop=stop), encoding="utf-8")


FILTER = """for n, b in enumerate(ctx.input("in")):
            if n % 2:
                ctx.output("out").push_back(b)"""


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Write a graph of these DOT lines beside a few units; gives the codes that check finds."""
    unit(tmp_path, "src", outputs=["out"], flags="stream = true")
    unit(tmp_path, "step", ["in"], ["out"])
    unit(tmp_path, "join", ["a", "b"], ["out"])
    unit(tmp_path, "sink", ["in"], flags="stream = true", stop="(modelbox.Status.StatusCode.STATUS_STOP)")
    unit(tmp_path, "cond", ["in"], ["yes", "no"], "stream = false\ncondition = true")
    unit(tmp_path, "filter", ["in"], ["out"], "stream = true", FILTER)
    resize = Descriptor("resize", "cpu", "builtin")
    resize.inputs, resize.outputs = [Port("in_image")], [Port("out_image")]
    resize.options = [
        {"name": "image_width", "type": "int", "default": "640", "required": True},
        {"name": "image_height", "type": "int", "default": "480", "required": True},
        {
            "name": "interpolation",
            "type": "list",
            "default": "",
            "required": False,
            "values": {"inter_linear": "inter_linear", "inter_area": "inter_area"},
        },
    ]
    source = Descriptor("video_input", "cpu", "builtin")
    source.outputs = [Port("out")]
    monkeypatch.setattr(catalog, "builtin_units", lambda: [resize, source])
    monkeypatch.chdir(tmp_path)

    def run(dot, tables="", driver=None, strict="", header="digraph g"):
        driver = driver if driver is not None else 'dir = ["%s"]' % (tmp_path / "units")
        path = tmp_path / "graph.toml"
        path.write_text(
            '[driver]\n%s\n[graph]\nformat = "graphviz"\n%s\ngraphconf = """%s {\n%s\n}"""\n%s'
            % (driver, strict, header, dot.replace("\\", "\\\\"), tables),
            encoding="utf-8",
        )
        found = check(str(path))
        for problem in found:
            assert problem.place.line > 0, problem
            assert problem.code in table()
        return [problem.code for problem in found]

    return run


CHAIN = "s[flowunit=src]\nn[flowunit=step%s]\nk[flowunit=sink]\ns:out -> n:in\nn:out -> k:in"


def test_a_good_graph_has_no_problems(build):
    assert build(CHAIN % "") == []


@pytest.mark.parametrize(
    "code, dot",
    [
        ("SB002", "s[flowunit=src"),
        ("SB020", CHAIN % "" + "\nx[type=strange]"),
        ("SB020", (CHAIN % "").replace("n[flowunit=step]", "")),
        ("SB021", (CHAIN % "").replace("flowunit=step", "type=flowunit")),
        ("SB022", (CHAIN % "").replace("flowunit=step", "flowunit=nobody")),
        ("SB023", CHAIN % ", device=cuda"),
        ("SB024", CHAIN % "" + "\nx[flowunit=step]"),
        ("SB025", (CHAIN % "").replace("n:in", "n:inn")),
        ("SB025", (CHAIN % "").replace("n:in", "n:in:w")),
        ("SB026", (CHAIN % "").replace("n:out", "n:oot")),
        ("SB027", (CHAIN % "").replace("s:out -> n:in", "")),
        ("SB028", (CHAIN % "").replace("n:out -> k:in", "")),
        ("SB029", "s[flowunit=src]\nn[flowunit=join]\nk[flowunit=sink]\ns:out -> n:a\nn:out -> n:b\nn:out -> k:in"),
        (
            "SB030",
            "s[flowunit=src]\nn[flowunit=join]\nm[flowunit=step]\nk[flowunit=sink]\n"
            "s:out -> n:a\nn:out -> m:in\nm:out -> n:b\nm:out -> k:in",
        ),
        ("SB031", CHAIN % "" + "\ns2[flowunit=src]\nk2[flowunit=sink]\ns2:out -> k2:in"),
        (
            "SB032",
            "s[flowunit=src]\nt[flowunit=src]\nn[flowunit=join]\nk[flowunit=sink]\n"
            "s:out -> n:a\nt:out -> n:b\nn:out -> k:in",
        ),
        ("SB033", CHAIN % ", queue_size=0"),
        ("SB033", CHAIN % ", batch_size=many"),
        ("SB034", CHAIN % "" + "\ni[type=input]"),
        ("SB035", ""),
        ("SB037", CHAIN % "" + "\no[type=output]\no -> n:in"),
        ("SB305", "v[flowunit=video_input, source_url=\"nothing.mp4\"]\nk[flowunit=sink]\nv:out -> k:in"),
        ("SB307", CHAIN % ", names=\"a,b\""),
        ("SB308", CHAIN % ", names=\"$who\""),
        (
            "SB310",
            "s[flowunit=src]\nf[flowunit=filter, batch_size=4]\nk[flowunit=sink]\ns:out -> f:in\nf:out -> k:in",
        ),
        (
            "SB310",
            "s[flowunit=src]\nc[flowunit=cond, batch_size=4]\nk[flowunit=sink]\n"
            "s:out -> c:in\nc:yes -> k:in\nc:no -> k:in",
        ),
        ("SB311", CHAIN % ", queue_size_inn=3"),
        (
            "SB318",
            "s[flowunit=src]\nf[flowunit=filter]\nj[flowunit=join]\nk[flowunit=sink]\n"
            "s:out -> f:in\ns:out -> j:a\nf:out -> j:b\nj:out -> k:in",
        ),
    ],
)
def test_a_broken_graph_is_found(build, code, dot):
    assert code in build(dot)


def resized(attributes):
    return (
        "s[flowunit=src]\nr[flowunit=resize%s]\nk[flowunit=sink]\ns:out -> r:in_image\nr:out_image -> k:in"
        % attributes
    )


@pytest.mark.parametrize(
    "code, attributes",
    [
        ("SB312", ", image_width=4, image_height=4, interpolatoin=inter_area"),
        ("SB314", ", image_width=4, image_height=x"),
        ("SB314", ", image_width=4, image_height=4, interpolation=inter_aera"),
        ("SB315", ", image_width=4"),
    ],
)
def test_options_of_units_that_come_with_the_engine(build, code, attributes):
    assert code in build(resized(attributes))
    assert build(resized(", image_width=4, image_height=4, interpolation=inter_area, label=\"x\"")) == []


def test_settings_of_the_file(build, tmp_path):
    assert build(CHAIN % "", "[flow]\nenable = false") == ["SB004"]
    assert build(CHAIN % "", driver='dir = ["units"]') == ["SB301"]
    assert build(CHAIN % "", driver='dir = ["%s", "/nothing"]' % (tmp_path / "units")) == ["SB302"]
    assert build(CHAIN % "", driver='skip-default = true\ndir = ["%s"]' % (tmp_path / "units")) == ["SB303"]
    assert build(CHAIN % "", driver='dir = "%s"' % (tmp_path / "units")) == ["SB317"]
    assert build(CHAIN % "", "[other]\nnumbers = [1]") == ["SB013"]
    assert build(CHAIN % "", header="strict digraph g") == ["SB309"]
    assert build(CHAIN % "" + "\nx[flowunit=step]", strict="strict = false") == ["SB316"]
    assert build((CHAIN % "") + "\nx[color=red]\ns:out -> x:in", strict="strict = false") == ["SB316", "SB036"]


def test_text_behind_the_graph(build):
    assert build(CHAIN % "" + "\n}\nx[flowunit=step]") == ["SB319"]


def test_a_folder_beside_the_graph(build, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    assert build(CHAIN % "", driver='dir = ["units"]') == ["SB301"]
    assert build(CHAIN % "", driver='dir = ["unit"]').count("SB302") == 1
    assert build(CHAIN % "", driver='dir = ["units", "%s"]' % (tmp_path / "units")) == [], "the full path is there too"


def test_a_finite_graph_must_be_stopped_by_a_unit(build, tmp_path):
    (tmp_path / "a.mp4").write_text("x")
    dot = 'v[flowunit=video_input, source_url="%s"]\nn[flowunit=step]\n%s\nv:out -> n:in\nn:out -> k:%s'
    assert build(dot % (tmp_path / "a.mp4", "k[flowunit=sink]", "in")) == []
    assert build(dot % (tmp_path / "a.mp4", "k[type=output]", "in")) == ["SB304"]
    assert build(dot % ("rtsp://camera", "k[type=output]", "in")) == []


def test_a_file_named_from_the_graphs_folder(build, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "names.txt").write_text("x")
    assert build(CHAIN % ', names="data/names.txt"') == []
    monkeypatch.chdir(tmp_path / "data")
    assert build(CHAIN % ', names="data/names.txt"') == ["SB306"]


def test_arguments_of_a_flow(build):
    found = build(CHAIN % ', names="$who"', '[args.who]\ndefault = "a"')
    assert found == ["SB308"]


def test_merging_edges_of_a_condition_is_fine(build):
    assert (
        build("s[flowunit=src]\nc[flowunit=cond]\nk[flowunit=sink]\ns:out -> c:in\nc:yes -> k:in\nc:no -> k:in") == []
    )


def test_a_folder_tells_of_graphs_and_of_units_that_no_graph_uses(build, tmp_path):
    build(CHAIN % ", queue_size=0")
    (tmp_path / "units" / "join" / "m_join.py").write_text("class Join(:\n", encoding="utf-8")
    found = [problem.code for problem in check(str(tmp_path))]
    assert sorted(found) == ["SB033", "SB201"]
    assert failed(check(str(tmp_path)))


def test_each_code_is_explained():
    for code in table():
        assert explain(code).startswith(code)
        assert "| %s |" % code in markdown()


def test_a_missing_file_is_a_problem(tmp_path):
    assert [p.code for p in check(str(tmp_path / "nothing.toml"))] == ["SB001"]


def test_the_docs_hold_the_table_of_codes():
    docs = os.path.join(os.path.dirname(__file__), "..", "..", "..", "docs", "check.md")
    with open(docs, encoding="utf-8") as file:
        assert file.read().endswith(markdown()), "docs/check.md ends with what pocketbox.check.codes.markdown() gives"


def test_one_buffer_for_many_is_fine_where_the_graph_says_so(build, tmp_path):
    code = UNIT.format(cls="Step", body='ctx.output("out").push_back(ctx.input("in")[0])', stop="()")
    (tmp_path / "units" / "step" / "m_step.py").write_text(code, encoding="utf-8")
    assert build(CHAIN % "") == ["SB242"]
    assert build(CHAIN % ", batch_size=1") == []


def test_every_code_that_is_used_is_explained_and_the_other_way_round():
    package = os.path.dirname(os.path.dirname(os.path.abspath(catalog.__file__)))
    used = set()
    for folder, _, files in os.walk(os.path.join(package, "pocketbox")):
        for name in files:
            if name.endswith(".py"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    used |= set(re.findall(r'"(SB\d{3})"', file.read()))
    assert used == set(table())
