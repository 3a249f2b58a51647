"""Each rule about a flowunit's Python, with a unit that breaks it and one that does not."""

from __future__ import annotations

import textwrap

import pytest

from pocketbox import descriptorfile
from pocketbox.check import check_units

DESCRIPTOR = """
[base]
name = "unit"
device = "cpu"
version = "1.0.0"
description = "d"
entry = "unit_module@Unit"
type = "python"
stream = {stream}
{flags}
{inputs}
[output.output1]
name = "out"
"""
INPUTS = '[input.input1]\nname = "in"\n'

GOOD = """
    import _flowunit as modelbox

    class Unit(modelbox.FlowUnit):
        def __init__(self):
            super().__init__()

        def open(self, config):
            return modelbox.Status()

        def process(self, ctx):
            for buffer in ctx.input("in"):
                ctx.output("out").push_back(buffer)
            return modelbox.Status.StatusCode.STATUS_SUCCESS

        def data_pre(self, ctx):
            return modelbox.Status()

        def data_post(self, ctx):
            return modelbox.Status()

        def close(self):
            return modelbox.Status()
"""


def problems(tmp_path, code, stream="false", flags="", source=False, file="unit_module.py"):
    (tmp_path / "unit.toml").write_text(
        DESCRIPTOR.format(stream=stream, flags=flags, inputs="" if source else INPUTS), encoding="utf-8"
    )
    if code is not None:
        (tmp_path / file).write_text(textwrap.dedent(code), encoding="utf-8")
    return check_units([descriptorfile.load(str(tmp_path / "unit.toml"))])


def codes(*args, **kwargs):
    return {problem.code for problem in problems(*args, **kwargs)}


def good(old="", new=""):
    """The good unit with one piece of it replaced."""
    text = textwrap.dedent(GOOD)
    assert old in text
    return text.replace(old, new) if old else text


PUSH = 'ctx.output("out").push_back(buffer)'
LOOP = """        for buffer in ctx.input("in"):
            ctx.output("out").push_back(buffer)
"""
SUCCESS = "return modelbox.Status.StatusCode.STATUS_SUCCESS"


def loop(body):
    return good(LOOP, textwrap.indent(textwrap.dedent(body).strip("\n") + "\n", " " * 8))


def before(line):
    """The good unit with a line before the loop of process."""
    return good(LOOP, "        %s\n%s" % (line, LOOP))


def test_a_good_unit_has_no_problems(tmp_path):
    assert problems(tmp_path, GOOD) == []
    assert problems(tmp_path, GOOD, stream="true") == []


BROKEN = [
    ("SB107", None, {}),
    ("SB201", "class Unit(:\n", {}),
    ("SB204", good("class Unit(", "class Onit("), {}),
    ("SB205", good("(modelbox.FlowUnit)", ""), {}),
    ("SB206", good("super().__init__()", "self.x = 1"), {}),
    ("SB207", good("def open", "def opened"), {}),
    ("SB208", good("def process", "def processed"), {}),
    ("SB209", good("def data_post", "def data_posts"), {"stream": "true"}),
    ("SB210", good("def process(self, ctx)", "def process(self)"), {}),
    ("SB210", good("def close(self)", "async def close(self)"), {}),
    (
        "SB211",
        good("    def close", "    def data_group(self): pass\n\n    def close").replace(
            "def open(self, config):\n        return modelbox.Status()", "def open(self, config):\n        pass"
        ),
        {},
    ),
    ("SB211", good(SUCCESS, "return"), {}),
    ("SB211", good(SUCCESS, "if ctx:\n            " + SUCCESS), {}),
    ("SB212", good(SUCCESS, "return True"), {}),
    ("SB213", good("STATUS_SUCCESS", "STATUS_OK"), {}),
    ("SB213", good("STATUS_SUCCESS", "STATUS_SUCESS"), {}),
    (
        "SB214",
        loop("""
        for number, buffer in enumerate(ctx.input("in")):
            if number % 2:
                continue
            ctx.output("out").push_back(buffer)
     """),
        {},
    ),
    (
        "SB214",
        loop("""
        for number, buffer in enumerate(ctx.input("in")):
            if number % 2 == 0:
                ctx.output("out").push_back(buffer)
     """),
        {},
    ),
    (
        "SB215",
        good(
            "def open(self, config):\n        return modelbox.Status()",
            "def open(self, config):\n        raise ValueError(1)",
        ),
        {},
    ),
    ("SB216", good() + "\nraise KeyError(1)\n", {}),
    ("SB217", good("STATUS_SUCCESS", "STATUS_CONTINUE"), {}),
    ("SB218", good(LOOP, "").replace("STATUS_SUCCESS", "STATUS_CONTINUE"), {"stream": "true", "source": True}),
    ("SB219", good(LOOP, "").replace("STATUS_SUCCESS", "STATUS_STOP"), {"stream": "true", "source": True}),
    ("SB220", before("for n in (1, 2): ctx.send_event(modelbox.FlowUnitEvent())"), {"stream": "true"}),
    (
        "SB221",
        loop("""
        for buffer in ctx.input("in"):
            picture = np.asarray(buffer)
            picture[0] = 1
            ctx.output("out").push_back(buffer)
     """),
        {},
    ),
    (
        "SB221",
        loop("""
        for buffer in ctx.input("in"):
            picture = np.array(buffer, copy=False)
            cv2.rectangle(picture, (0, 0), (1, 1), 3)
            ctx.output("out").push_back(buffer)
     """),
        {},
    ),
    ("SB222", before("x = np.zeros(3, np.float16)"), {}),
    ("SB222", before("x = y.astype('uint64')"), {}),
    ("SB223", before('b.set("shape", [1, 2])'), {}),
    ("SB224", before("b = cv2.resize(a, (1, 1)); b.copy_meta(a)"), {}),
    ("SB225", before('last = ctx.input("in")[-1]'), {}),
    ("SB226", before('open("a.txt").read()'), {}),
    ("SB226", before('path.read_text()'), {}),
    ("SB227", good('ctx.input("in")', 'ctx.input("inn")'), {}),
    (
        "SB228",
        good("import _flowunit as modelbox", "import _flowunit as modelbox\nimport signal").replace(
            LOOP, "        signal.signal(2, 3)\n" + LOOP
        ),
        {},
    ),
    ("SB229", good() + "\nthreading.Thread(target=print).start()\n", {}),
    ("SB230", before('ctx.set_private("k", object())'), {"stream": "true"}),
    ("SB231", good("import _flowunit as modelbox", "import modelbox"), {}),
    ("SB232", before('ctx.get_private("nobody")'), {"stream": "true"}),
    (
        "SB233",
        good(
            "def open(self, config):\n",
            "def open(self, config):\n        e = self.create_external_data()\n"
            "        for n in range(9): e.send(n)\n",
        ),
        {"stream": "true", "source": True},
    ),
    ("SB234", before("self.count += 1"), {}),
    (
        "SB234",
        good("def data_pre(self, ctx):\n", "def data_pre(self, ctx):\n        self.state = {}\n"),
        {"stream": "true"},
    ),
    ("SB202", good() + "\ndef f(a):\n    match a:\n        case 1: pass\n", {}),
    ("SB203", before('name = "x".removeprefix("y")'), {}),
    ("SB203", good() + "\ndef f(a: list[int]): pass\n", {}),
    ("SB203", good() + "\nimport zoneinfo\n", {}),
]

SPLIT = """
    for buffer in ctx.input("in"):
        if buffer:
            ctx.output("out").push_back(buffer)
        %s
"""
BROKEN += [
    ("SB235", loop(SPLIT % "log(1)"), {"flags": "expand = true"}),
    ("SB236", loop(SPLIT % "log(1)"), {"flags": "condition = true"}),
    ("SB236", loop(SPLIT % 'ctx.output("out").push_back(buffer)'), {"flags": "condition = true"}),
    ("SB237", before('b.set("k", [1, 2.5])'), {}),
    ("SB238", before('b.set("k", array[::2])'), {}),
    ("SB238", before('b.set("k", array.T)'), {}),
    ("SB239", before("bl = modelbox.BufferList(); bl.push_back(array)"), {}),
    ("SB240", before("modelbox.set_log_level(1)"), {}),
    ("SB240", before("self.get_bind_device().get_device_desc()"), {}),
    ("SB241", before("self.context = ctx"), {}),
]

BROKEN += [
    ("SB202", good() + "\nwith (open('a', 'rb') as f, open('b', 'rb') as g):\n    pass\n", {}),
    ("SB214", loop('[ctx.output("out").push_back(b) for b in ctx.input("in") if b]'), {}),
    ("SB214", loop("""
        for buffer in ctx.input("in"):
            ctx.output("out").push_back(buffer)
            if buffer:
                break
     """), {}),
    ("SB214", loop("""
        for buffer in ctx.input("in"):
            if buffer:
                return modelbox.Status()
            ctx.output("out").push_back(buffer)
     """), {}),
    ("SB242", loop('ctx.output("out").push_back(ctx.input("in")[0])'), {}),
]

BROKEN += [
    ("SB221", loop("""
        inputs = ctx.input("in")
        for number, buffer in enumerate(inputs):
            picture = np.asarray(buffer)
            picture *= 2
            ctx.output("out").push_back(buffer)
     """), {}),
]


@pytest.mark.parametrize("code, text, options", BROKEN, ids=["%s-%d" % (b[0], n) for n, b in enumerate(BROKEN)])
def test_a_broken_unit_is_found(tmp_path, code, text, options):
    if "match a" in str(text) or "with (open" in str(text):
        pytest.importorskip("tomllib", reason="needs a Python that knows the newer syntax")
    found = problems(tmp_path, text, **options)
    assert code in {problem.code for problem in found}
    for problem in found:
        assert problem.place.file and problem.message.startswith("flowunit 'unit'")


FINE = [
    ("SB204", good() + "\nUnit2 = Unit\n", {}),
    ("SB206", good("super().__init__()", "modelbox.FlowUnit.__init__(self)"), {}),
    ("SB207", good("class Unit(modelbox.FlowUnit)", "class Unit(base.Other)").replace("def open", "def opened"), {}),
    (
        "SB209",
        good("class Unit(", "class Base(").replace("    def close", "    def more(self): pass\n\n    def close")
        + "\nclass Unit(Base):\n    pass\n",
        {"stream": "true"},
    ),
    ("SB211", good(SUCCESS, "if ctx:\n            %s\n        else:\n            raise ValueError()" % SUCCESS), {}),
    ("SB211", good(SUCCESS, "try:\n            %s\n        except ValueError:\n            raise" % SUCCESS), {}),
    ("SB211", good(SUCCESS, "while True:\n            if ctx: %s" % SUCCESS), {}),
    ("SB211", good(SUCCESS, "with ctx:\n            %s" % SUCCESS), {}),
    ("SB212", good(SUCCESS, "return status"), {}),
    ("SB213", good("STATUS_SUCCESS", "STATUS_EOF"), {}),
    (
        "SB214",
        loop("""
        for number, buffer in enumerate(ctx.input("in")):
            if number % 2:
                ctx.output("out").push_back(buffer)
                continue
            ctx.output("out").push_back(buffer)
     """),
        {},
    ),
    (
        "SB214",
        loop("""
        for number, buffer in enumerate(ctx.input("in")):
            if number % 2:
                ctx.output("out").push_back(buffer)
     """),
        {"stream": "true"},
    ),
    (
        "SB214",
        loop("""
        for number, buffer in enumerate(ctx.input("in")):
            if number % 2:
                log(number)
            ctx.output("out").push_back(buffer)
     """),
        {},
    ),
    (
        "SB215",
        good("def open(self, config):\n", "def open(self, config):\n        if config: raise ValueError(1)\n"),
        {},
    ),
    ("SB217", good("STATUS_SUCCESS", "STATUS_CONTINUE"), {"stream": "true"}),
    (
        "SB218",
        good(LOOP, "        ctx.send_event(1)\n").replace("STATUS_SUCCESS", "STATUS_CONTINUE"),
        {"stream": "true", "source": True},
    ),
    (
        "SB221",
        loop("""
        for buffer in ctx.input("in"):
            picture = np.array(buffer)
            picture[0] = 1
            ctx.output("out").push_back(buffer)
     """),
        {},
    ),
    ("SB222", before("x = np.zeros(3, np.float32)"), {}),
    ("SB224", before('b = cv2.resize(a, (1, 1)); b.copy_meta(a); b.set("width", 1); b.set("height", 1)'), {}),
    ("SB225", before('first = ctx.input("in")[0]'), {}),
    ("SB226", before('open("a.txt", encoding="utf-8").read(); open("a", "rb")'), {}),
    (
        "SB230",
        good("def data_pre(self, ctx):\n", "def data_pre(self, ctx):\n        ctx.set_private('k', {})\n"),
        {"stream": "true"},
    ),
    (
        "SB232",
        good("def data_pre(self, ctx):\n", "def data_pre(self, ctx):\n        ctx.set_private('k', {})\n").replace(
            LOOP, "        ctx.get_private('k')\n" + LOOP
        ),
        {"stream": "true"},
    ),
    ("SB234", before("with self.lock:\n            self.count += 1"), {}),
    ("SB203", "from __future__ import annotations\n" + good() + "\ndef f(a: list[int]): pass\n", {}),
]

FINE += [
    ("SB214", before('for name in ("a", "b"):\n            if name == "a": extra.push_back(1)'), {}),
    ("SB235", good(), {"flags": "expand = true"}),
    ("SB236", loop(SPLIT % 'else:\n            ctx.output("no").push_back(buffer)'), {"flags": "condition = true"}),
    ("SB236", loop(SPLIT % "continue").replace("continue", "for x in y: ctx.output('out').push_back(x)"),
     {"flags": "condition = true"}),
    ("SB237", before('b.set("k", [1, 2])'), {}),
    ("SB238", before('b.set("k", array[1])'), {}),
    ("SB239", before("bl = modelbox.BufferList(self.get_bind_device()); bl.push_back(array)"), {}),
    ("SB240", before("log.set_log_level(1)"), {}),
]

FINE += [
    ("SB202", good() + "\nwith (open('a', 'rb')) as f, open('b', 'rb') as g:\n    pass\n", {}),
    ("SB214", loop("""
        for buffer in ctx.input("in"):
            if buffer:
                return modelbox.Status(modelbox.Status.StatusCode.STATUS_FAULT, "broken")
            ctx.output("out").push_back(buffer)
     """), {}),
    ("SB242", loop('ctx.output("out").push_back(ctx.input("in")[0])'), {"stream": "true"}),
    ("SB242", loop('ctx.output("out").push_back(ctx.input("in")[0])'), {"flags": "max_batch_size = 1"}),
]

FINE += [
    ("SB221", loop("""
        for buffer in ctx.input("in"):
            picture = np.asarray(buffer)
            picture = picture.copy()
            picture[0] = 1
            ctx.output("out").push_back(picture)
     """), {}),
]


@pytest.mark.parametrize("code, text, options", FINE, ids=["%s-%d" % (b[0], n) for n, b in enumerate(FINE)])
def test_a_unit_that_looks_alike_is_left_alone(tmp_path, code, text, options):
    assert code not in codes(tmp_path, text, **options)


def test_entry_and_module_names(tmp_path):
    text = DESCRIPTOR.format(stream="false", flags="", inputs=INPUTS)
    (tmp_path / "unit.toml").write_text(text.replace("unit_module@Unit", "unit_module"), encoding="utf-8")
    assert "SB106" in {p.code for p in check_units([descriptorfile.load(str(tmp_path / "unit.toml"))])}
    (tmp_path / "unit.toml").write_text(text.replace("unit_module@Unit", "json@Unit"), encoding="utf-8")
    (tmp_path / "json.py").write_text(textwrap.dedent(GOOD), encoding="utf-8")
    assert "SB115" in {p.code for p in check_units([descriptorfile.load(str(tmp_path / "unit.toml"))])}


def test_a_problem_names_its_line(tmp_path):
    found = [p for p in problems(tmp_path, good(SUCCESS, "return None")) if p.code == "SB211"]
    assert found[0].place.file == str(tmp_path / "unit_module.py")
    assert "return None" in textwrap.dedent(good(SUCCESS, "return None")).splitlines()[found[0].place.line - 1]
