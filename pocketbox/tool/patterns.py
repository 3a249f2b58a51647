"""The texts from which `template` makes projects and flowunits."""
from __future__ import annotations

import json
from typing import NamedTuple

PROJECTS = {
    "empty": "an empty project",
    "hello_world": "an HTTP service that answers with a greeting",
}

_CMAKE = """cmake_minimum_required(VERSION 3.10)

project(%(name)s)

# Installs the flowunits and graphs where the ModelBox server looks for those of an application.
set(APPLICATION /opt/modelbox/application/%(name)s)
install(DIRECTORY src/flowunit/ DESTINATION ${APPLICATION}/flowunit PATTERN "__pycache__" EXCLUDE)
install(DIRECTORY src/graph/ DESTINATION ${APPLICATION}/graph)
"""
_GRAPH = """# Check it with: sednabox check %(name)s.toml
# Run it with:   modelbox-tool flow -run %(name)s.toml
[driver]
skip-default = false
dir = [%(dir)s]

[profile]
profile = false
trace = false
dir = ""

[flow]
name = "%(name)s"
desc = "%(desc)s"

[graph]
format = "graphviz"
graphconf = '''digraph %(graph)s {
%(dot)s
}'''
"""
_HELLO_DOT = """    receive [type=flowunit, flowunit=httpserver_sync_receive, device=cpu,
             endpoint="http://127.0.0.1:7770", time_out_ms=5000]
    hello_world [type=flowunit, flowunit=hello_world, device=cpu]
    reply [type=flowunit, flowunit=httpserver_sync_reply, device=cpu]

    receive:out_request_info -> hello_world:in_data
    hello_world:out_data -> reply:in_reply_info"""
_HELLO_WORK = """        for buffer in data_context.input("in_data"):
            answer = modelbox.Buffer(self.get_bind_device(), ("Hello, " + str(buffer.as_object())).encode("utf-8"))
            answer.copy_meta(buffer)
            data_context.output("out_data").push_back(answer)
"""
_PYTHON = '''import _flowunit as modelbox


class %(cls)s(modelbox.FlowUnit):
    """%(desc)s"""

    def __init__(self):
        super().__init__()

    def open(self, config):
        """Read the configuration here: config.get_string("key", "default")."""
        return modelbox.Status.StatusCode.STATUS_SUCCESS

    def data_pre(self, data_context):
        """Called when a stream starts (stream units only)."""
        return modelbox.Status.StatusCode.STATUS_SUCCESS

    def process(self, data_context):
%(work)s        return modelbox.Status.StatusCode.STATUS_SUCCESS

    def data_post(self, data_context):
        """Called when a stream has ended (stream units only)."""
        return modelbox.Status.StatusCode.STATUS_SUCCESS

    def close(self):
        return modelbox.Status.StatusCode.STATUS_SUCCESS
'''
_UNIT_CMAKE = """# Python flowunits are not compiled: the project's install rule copies this folder.
"""


class Unit(NamedTuple):
    """What the command line said about a new flowunit."""

    name: str
    kind: str
    device: str
    group: str
    description: str
    inputs: list[dict[str, str]]
    outputs: list[dict[str, str]]


def project(template: str, name: str, path: str) -> dict[str, str]:
    """The files of a new project, by their paths in it."""
    graph = "graph_" + "".join(char if char.isalnum() else "_" for char in name)
    hello = template == "hello_world"
    files = {
        "CMakeLists.txt": _CMAKE % {"name": name},
        "src/graph/%s.toml" % name: _GRAPH % {
            "name": name, "graph": graph, "dir": _quote(path + "/src/flowunit"), "desc": PROJECTS[template],
            "dot": _HELLO_DOT if hello else ""},
    }
    if hello:
        unit = Unit("hello_world", "normal", "cpu", "Generic", "Answers a request with a greeting",
                    [{"name": "in_data"}], [{"name": "out_data"}])
        for file, text in python_unit(unit, _HELLO_WORK).items():
            files["src/flowunit/hello_world/" + file] = text
    return files


def python_unit(unit: Unit, work: str = "") -> dict[str, str]:
    """Module, descriptor and CMakeLists.txt of a Python flowunit."""
    cls = unit.name[:1].upper() + unit.name[1:] + "FlowUnit"
    code = _PYTHON % {"cls": cls, "desc": unit.description.replace("\\", "\\\\").replace('"', "'"),
                      "work": work or _work(unit)}
    entry = "entry = %s" % _quote("%s@%s" % (unit.name, cls))
    lines = [*_base(unit), entry, 'type = "python"', *_flags(unit.kind)]
    return {unit.name + ".py": code, unit.name + ".toml": "\n".join(lines + _ports(unit)) + "\n",
            "CMakeLists.txt": _UNIT_CMAKE}


def inference_unit(unit: Unit, virtual_type: str, model: str) -> dict[str, str]:
    """Descriptor of a flowunit that runs a model."""
    unit = unit._replace(group="Inference" if unit.group == "Generic" else unit.group)
    lines = [*_base(unit), "entry = %s" % _quote(model), 'type = "inference"', 'virtual_type = "%s"' % virtual_type]
    return {unit.name + ".toml": "\n".join(lines + _ports(unit)) + "\n"}


def _base(unit: Unit) -> list[str]:
    return ["[base]", "name = %s" % _quote(unit.name), "device = %s" % _quote(unit.device), 'version = "1.0.0"',
            "description = %s" % _quote(unit.description), "group_type = %s" % _quote(unit.group)]


def _flags(kind: str) -> list[str]:
    """The flags of a kind of unit. stream is always written: the engine takes true when it is not."""
    flags = ["stream = %s" % ("true" if kind == "stream" else "false")]
    if kind == "collapse_all":
        return [*flags, "collapse = true", "collapse_all = true"]
    return flags if kind in ("normal", "stream") else [*flags, "%s = true" % kind]


def _ports(unit: Unit) -> list[str]:
    lines: list[str] = []
    for side, ports in (("input", unit.inputs), ("output", unit.outputs)):
        lines += ["", "[%s]" % side]
        for number, port in enumerate(ports, 1):
            lines.append("[%s.%s%d]" % (side, side, number))
            lines += ["%s = %s" % (key, _quote(value)) for key, value in port.items()]
    return lines


def _work(unit: Unit) -> str:
    """The body of process: passes buffers on where there is a way, so that the unit runs at once."""
    names_in, names_out = [p["name"] for p in unit.inputs], [p["name"] for p in unit.outputs]

    def variable(side: str, port: str) -> str:
        if len(names_in if side == "in" else names_out) == 1:
            return "inputs" if side == "in" else "outputs"
        return port if port.startswith(side + "_") else "%s_%s" % (side, port)

    lines = ["%s = data_context.input(%s)" % (variable("in", name), _quote(name)) for name in names_in]
    lines += ["%s = data_context.output(%s)" % (variable("out", name), _quote(name)) for name in names_out]
    if names_in and names_out:
        source = variable("in", names_in[0])
        if unit.kind == "condition":
            lines += ["for buffer in %s:" % source, "    # Choose one of the outputs for each buffer.",
                      "    %s.push_back(buffer)" % variable("out", names_out[0])]
        elif unit.kind.startswith("collapse"):
            lines += ["# One result for the whole stream.",
                      "%s.push_back(%s[0])" % (variable("out", names_out[0]), source)]
        else:
            lines.append("for buffer in %s:" % source)
            lines += ["    %s.push_back(buffer)" % variable("out", name) for name in names_out]
    elif names_in:
        lines += ["for buffer in %s:" % variable("in", names_in[0]), "    modelbox.info(buffer.get_bytes())"]
    else:
        lines += ["# Make buffers here: %s.push_back(modelbox.Buffer(self.get_bind_device(), array))" % (
            variable("out", names_out[0]))]
    return "".join("        %s\n" % line for line in lines)


def _quote(text: str) -> str:
    """A text as TOML, JSON and Python all write it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
