"""modelbox-tool template: start a project or a flowunit."""
from __future__ import annotations

import os
import re
import shutil
from typing import Sequence

from . import patterns
from .options import UsageError, read

DESCRIPTION = "create project from template"
HELP = """create modelbox project or flowunit
-project                              create modelbox project.
  -name [name]                          project name
  -path [path]                          project path, default is $HOME/modelbox-project.
  -rootpath [path]                      project root path: the project is made in [path]/[name]
  -template [template name]             project template, default is empty project.
  -getname [path]                       get project name.
  -list-template                        list supported templates.
-flowunit                             create modelbox flowunit.
  -name [name]                          flowunit name
  -lang [python|infer]                  flowunit program language (c++ and yolo need the real tool)
  -type [type]                          normal|stream|condition|collapse|collapse_all|expand, default is normal
  -group-type [group type]              flowunit group type, for UI display, such as Video
  -project-path [path-to-project]       project in which it is made, default is $HOME/modelbox-project.
  -input [name=name,device=device|-]    flowunit input port, '-' for the name in; may be given several times
  -output [name=name,device=device|-]   flowunit output port, '-' for the name out; may be given several times
  -device [cpu|cuda|ascend]             flowunit device
  -desc [text]                          description
  -virtual-type [type]                  infer: tensorflow, tensorrt, torch, acl, mindspore, onnx
  -model [path]                         infer: model file
  -copy-model                           infer: copy the model beside the descriptor
-help                                 show this help message.
"""
DEFAULT_PROJECT = os.path.join("~", "modelbox-project")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
PROJECT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z")
TYPES = ("normal", "stream", "condition", "collapse", "collapse_all", "expand")
DEVICES = ("cpu", "cuda", "ascend")
VIRTUAL_TYPES = ("tensorflow", "tensorrt", "torch", "acl", "mindspore", "onnx")
PROJECT_OPTIONS = {"name": True, "path": True, "rootpath": True, "template": True, "getname": True,
                   "list-template": False}
FLOWUNIT_OPTIONS = {"name": True, "lang": True, "type": True, "group-type": True, "project-path": True, "input": True,
                    "output": True, "device": True, "desc": True, "virtual-type": True, "model": True,
                    "copy-model": False, "plugin": True}


def run(args: Sequence[str], debug: bool = False) -> int:
    if not args:
        print(HELP, end="")
        return 1
    for name, value, rest in read(args, {"project": False, "flowunit": False, "service-plugin": False, "help": False}):
        if name == "project":
            return _project(rest)
        if name == "flowunit":
            return _flowunit(rest)
        if name == "help":
            print(HELP, end="")
            return 0
        if name == "service-plugin":
            raise UsageError("service plugins are written in C++: use the real tool")
        raise UsageError("template takes no argument '%s'" % value)
    return 1


def _project(args: Sequence[str]) -> int:
    given: dict[str, str] = {}
    for name, value, _rest in read(args, PROJECT_OPTIONS):
        if name == "":
            raise UsageError("template -project takes no argument '%s'" % value)
        given[name] = value
    if "list-template" in given:
        for template, text in patterns.PROJECTS.items():
            print("%-20.20s %s" % (template, text))
        return 0
    if "getname" in given:
        return _print_name(given["getname"])
    name = given.get("name", "")
    if not PROJECT_NAME.match(name):
        raise UsageError("Project name is not set" if not name else
                         "project name '%s' may hold letters, digits, _ . + and - only" % name)
    template = given.get("template", "empty")
    if template not in patterns.PROJECTS:
        raise UsageError("there is no template '%s'; there is: %s" % (template, ", ".join(patterns.PROJECTS)))
    path = os.path.expanduser(given.get("path", DEFAULT_PROJECT))
    if "path" not in given and "rootpath" in given:
        path = os.path.join(os.path.expanduser(given["rootpath"]), name)
    if os.path.isdir(path) and os.listdir(path):
        raise UsageError("Project '%s' already exists." % path)
    for file, text in patterns.project(template, name, os.path.abspath(path)).items():
        _write(os.path.join(path, file), text)
    for folder in ("src/flowunit", "src/graph"):
        os.makedirs(os.path.join(path, folder), exist_ok=True)
    print("Create project at '%s' success" % path)
    return 0


def _print_name(path: str) -> int:
    file = os.path.join(path, "CMakeLists.txt")
    try:
        with open(file, encoding="utf-8") as stream:
            found = re.search(r"^\s*project\s*\(\s*([^\s)]+)", stream.read(), re.M)
    except OSError:
        found = None
    if found is None:
        raise UsageError("%s is not a project directory" % path)
    print(found.group(1))
    return 0


def _flowunit(args: Sequence[str]) -> int:
    given: dict[str, str] = {}
    ports: dict[str, list[dict[str, str]]] = {"input": [], "output": []}
    for name, value, _rest in read(args, FLOWUNIT_OPTIONS):
        if name in ports:
            ports[name].append(_port(value, "in" if name == "input" else "out"))
        elif name == "":
            raise UsageError("template -flowunit takes no argument '%s'" % value)
        else:
            given[name] = value
    name, lang, kind = given.get("name", ""), given.get("lang", ""), given.get("type", "") or "normal"
    project = os.path.expanduser(given.get("project-path", DEFAULT_PROJECT))
    device = given.get("device", "cpu")
    if not ports["input"] and not ports["output"]:
        raise UsageError("Flowunit input or output port is not set.")
    if not NAME.match(name):
        raise UsageError("Flowunit name is not set." if not name else
                         "flowunit name '%s' may hold letters, digits and _ only, and starts with no digit" % name)
    if kind not in TYPES:
        raise UsageError("Flowunit type '%s' is invalid; there is: %s" % (kind, ", ".join(TYPES)))
    if device not in DEVICES:
        raise UsageError("device '%s' is invalid; there is: %s" % (device, ", ".join(DEVICES)))
    if not os.path.isdir(os.path.join(project, "src")) or not os.path.exists(os.path.join(project, "CMakeLists.txt")):
        raise UsageError("Project path %s is invalid, create project first." % project)
    folder = os.path.join(project, "src", "flowunit", name)
    if os.path.exists(folder):
        raise UsageError("Flowunit source directory %s already exists." % folder)
    unit = patterns.Unit(name, kind, device, _group(given.get("group-type", "Generic")),
                         given.get("desc", "A flowunit for modelbox"), ports["input"], ports["output"])
    if lang == "python":
        files = patterns.python_unit(unit)
    elif lang == "infer":
        files = _inference(unit, given)
    elif lang in ("c++", "yolo"):
        raise UsageError("a %s flowunit needs the real tool and a compiler" % lang)
    else:
        raise UsageError("Flowunit program language is not set" if not lang else
                         "Program language '%s' is not supported." % lang)
    for file, text in files.items():
        _write(os.path.join(folder, file), text)
    if "copy-model" in given and lang == "infer":
        shutil.copy(given["model"], folder)
    print("create %s flowunit at %s success" % (lang, folder))
    return 0


def _inference(unit: patterns.Unit, given: dict[str, str]) -> dict[str, str]:
    model, virtual_type = given.get("model", ""), given.get("virtual-type", "")
    if not model:
        raise UsageError("Model file path is not set")
    if virtual_type not in VIRTUAL_TYPES:
        raise UsageError("Virtual type '%s' is invalid; there is: %s" % (virtual_type, ", ".join(VIRTUAL_TYPES)))
    if "copy-model" in given:
        if not os.path.isfile(model):
            raise UsageError("Model file %s does not exist" % model)
        model = os.path.basename(model)
    return patterns.inference_unit(unit, virtual_type, model)


def _port(text: str, default: str) -> dict[str, str]:
    """name=in,device=cpu,type=uint8, or - for the default name."""
    if text == "-":
        return {"name": default}
    port: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if key not in ("name", "device", "type") or not equals:
            raise UsageError("invalid port option '%s', expected name=..., device=... or type=..." % part)
        port[key] = value
    if not NAME.match(port.get("name", "")):
        raise UsageError("the port '%s' needs a name of letters, digits and _" % text)
    return port


def _group(name: str) -> str:
    return name[:1].upper() + name[1:]


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


