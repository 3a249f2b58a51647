"""Lays out what the packages carry, a folder for each component: `stage.py SOURCE STAGE [--bundle 3.8 --arch amd64]`.

Needs only a Python of 3.8 or newer; a bundle also needs pip and the package index (or a folder of wheels in
PIP_FIND_LINKS with PIP_NO_INDEX=1).
"""
from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterable, Iterator

HOME = "opt/modelbox/application/sednabox"
PACKAGES = ("pocketbox", "edgevision", "sedna_bridge", "sednabox")
CONTROLLER_ONLY = ("sednabox/commands/job.py", "sednabox/jobs")   # not in core
COMMANDS = {"sednabox": "sednabox.__main__", "modelbox-tool": "pocketbox.tool.__main__"}
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
PLATFORMS = {"amd64": "x86_64", "arm64": "aarch64"}
CONTROLLER_POST = "reload_systemd\nif system_runs; then systemctl try-restart sednabox-controller.service || true; fi"
CONTROLLER_PREUN = ('if [ "$1" = 0 ] && system_runs; then systemctl disable --now sednabox-controller.service || true; '
                    "fi")
CHANGES = """%s (%s) stable; urgency=medium

  * See CHANGELOG.md of the sources.

 -- %s  Thu, 01 Jan 2026 00:00:00 +0000
"""
PROJECT = """cmake_minimum_required(VERSION 3.10)
# This folder opens in ModelBox's WebUI. To edit, make a project of your own: sednabox project DIR
#[[ ModelBox's tools read the project's name from the next line; a real call of this form would ask for a compiler.
project(sednabox)
]]
PROJECT(sednabox LANGUAGES NONE)
"""
SHARED = {"flowunits": "flowunit", "graphs": "graph", "jobs": "jobs", "models": "models"}


class Stage:
    """The folder that is packed; `core`, `models` and `local-controller` are roots of their own."""

    def __init__(self, source: Path, target: Path) -> None:
        self.source = source
        self.target = target
        self.packaging = source / "packaging"

    def path(self, component: str, *parts: str) -> Path:
        path = self.target.joinpath(component, *parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def text(self, text: str, component: str, *parts: str, mode: int = 0o644) -> Path:
        path = self.path(component, *parts)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    def copy(self, name: str, component: str, *parts: str, mode: int = 0o644) -> None:
        path = self.path(component, *parts)
        shutil.copyfile(self.source / name, path)
        path.chmod(mode)

    def tree(self, name: str, component: str, *parts: str) -> None:
        shutil.copytree(self.source / name, self.path(component, *parts), ignore=LEFT_OUT)

    def link(self, to: str, component: str, *parts: str) -> None:
        os.symlink(to, self.path(component, *parts))


def project(source: Path) -> dict[str, object]:
    """Version and dependencies out of pyproject.toml; a build machine may lack any TOML reader (before 3.11)."""
    text = (source / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "([^"]+)"', text, re.M)
    needs = re.search(r"^dependencies = \[(.*?)^\]", text, re.M | re.S)
    if not version or not needs:
        sys.exit("stage.py: %s has no version or no dependencies" % (source / "pyproject.toml"))
    return {"version": version.group(1), "dependencies": re.findall(r'"([^"]+)"', needs.group(1))}


def python(stage: Stage, facts: dict) -> None:
    """Our packages with a dist-info, so that `importlib.metadata` and `pip list` know them."""
    for package in PACKAGES:
        stage.tree(package, "core", HOME, "python", package)
    for name in CONTROLLER_ONLY:
        shutil.move(str(stage.path("core", HOME, "python", name)),
                    str(stage.path("local-controller", HOME, "python", name)))
    info = "sednabox-%s.dist-info" % facts["version"]
    needs = "".join("Requires-Dist: %s\n" % need for need in facts["dependencies"])
    stage.text("Metadata-Version: 2.1\nName: sednabox\nVersion: %s\nSummary: Sedna's edge-cloud learning as ModelBox "
               "graphs\nLicense: Apache-2.0\nRequires-Python: >=3.8\n%s" % (facts["version"], needs),
               "core", HOME, "python", info, "METADATA")
    stage.text("sednabox packages\n", "core", HOME, "python", info, "INSTALLER")


def content(stage: Stage) -> None:
    """Graphs, models and jobs. A graph's folder of units is called flowunit here, and its media lie in graph/."""
    stage.tree("graphs", "core", HOME, "graph")
    for path in stage.target.joinpath("core", HOME, "graph").glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('"../flowunits"', '"../flowunit"').replace("graphs/", "graph/"), encoding="utf-8")
    for name in ("flowunit", "graph"):      # the installation opens in ModelBox's WebUI as a project, to look at
        stage.link("../" + name, "core", HOME, "src", name)
    stage.text(PROJECT, "core", HOME, "CMakeLists.txt")
    stage.tree("models", "models", HOME, "models")
    stage.tree("jobs", "local-controller", HOME, "jobs")
    owners = {"flowunits": "core", "graphs": "core", "jobs": "local-controller", "models": "models"}
    for name, folder in SHARED.items():
        stage.link("/%s/%s" % (HOME, folder), owners[name], "usr/share/sednabox", name)


def system(stage: Stage, facts: dict, maintainer: str) -> None:
    """Commands, service, configuration, documents."""
    launcher = (stage.packaging / "bin/launcher.py.in").read_text(encoding="utf-8")
    for name, module in COMMANDS.items():
        text = launcher.replace("@NAME@", name).replace("@MODULE@", module)
        stage.text(text, "core", HOME, "bin", name, mode=0o755)
    stage.copy("packaging/bin/link-python", "core", HOME, "bin/link-python", mode=0o755)
    for name in ("sednabox", "sednabox-modelbox-tool"):
        stage.copy("packaging/bin/%s.sh" % name, "core", "usr/bin", name, mode=0o755)
    stage.text("/%s/python\n/%s/python/bundled\n" % (HOME, HOME), "core", "usr/lib/python3/dist-packages/sednabox.pth")
    stage.copy("packaging/systemd/sednabox.service", "core", "usr/lib/systemd/system/sednabox.service")
    stage.copy("packaging/systemd/sednabox.sysusers", "core", "usr/lib/sysusers.d/sednabox.conf")
    stage.copy("packaging/systemd/sednabox-controller.service", "local-controller",
               "usr/lib/systemd/system/sednabox-controller.service")
    stage.copy("packaging/etc/sednabox.toml", "core", "etc/sednabox/sednabox.toml")
    stage.path("core", "etc/sednabox/credentials").mkdir(0o700)
    stage.copy("packaging/grafana/sednabox.json", "core", "usr/share/sednabox/grafana/sednabox.json")
    for package, component in (("sednabox", "core"), ("sednabox-models", "models"),
                               ("sednabox-local-controller", "local-controller")):
        notice = (stage.packaging / "debian/copyright").read_text(encoding="utf-8")
        stage.text(notice, component, "usr/share/doc", package, "copyright")
        changes = CHANGES % (package, facts["version"], maintainer)
        _gzip(changes, stage.path(component, "usr/share/doc", package, "changelog.gz"))
        overrides = stage.packaging / "debian" / (package + ".lintian-overrides")
        if overrides.exists():
            stage.copy(str(overrides.relative_to(stage.source)), component, "usr/share/lintian/overrides", package)


def _gzip(text: str, path: Path) -> None:
    import gzip
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.encode("utf-8"))


def control(stage: Stage, bundle: str) -> None:
    """Maintainer scripts: Debian's, and the same bodies in rpm's clothes."""
    body = {name: (stage.packaging / "debian" / (name + ".sh")).read_text(encoding="utf-8")
            for name in ("functions", "core", "preinst", "postinst", "prerm", "postrm", "controller-postinst",
                         "controller-prerm")}
    common = body.pop("functions")
    core = common + body.pop("core").replace("@BUNDLE@", bundle)
    for name, text in body.items():
        component, _, script = name.rpartition("-")
        stage.text("#!/bin/sh\nset -e\n%s\n%s" % (common if component else core, text), "control", component, script,
                   mode=0o755)
    stage.text("/etc/sednabox/sednabox.toml\n", "control", "conffiles")
    for rpm, lines in (("rpm-pre", "check_python\nmake_user"), ("rpm-post", "link_python\nafter_install"),
                       ("rpm-preun", 'if [ "$1" = 0 ]; then before_removal; unlink_python; fi'),
                       ("rpm-postun", "reload_systemd"), ("controller/rpm-post", CONTROLLER_POST),
                       ("controller/rpm-preun", CONTROLLER_PREUN)):
        stage.text("%s\n%s\n" % (common if "/" in rpm else core, lines), "control", rpm)


def bundled(stage: Stage, needs: Iterable[str], version: str, arch: str) -> None:
    """The dependencies as wheels for one Python and one architecture; refuses what would need a compiler."""
    target = stage.path("core", HOME, "python/bundled")
    target.mkdir()
    machine = PLATFORMS[arch]
    platforms = ["manylinux_2_%d_%s" % (minor, machine) for minor in (28, 27, 26, 24, 17)] + [
        "manylinux2014_" + machine, "any"]
    words = [word for platform in platforms for word in ("--platform", platform)]
    with tempfile.TemporaryDirectory() as scratch:
        command = [*_pip(scratch), "install", "--quiet", "--disable-pip-version-check", "--no-compile",
                   "--only-binary=:all:", "--implementation", "cp", "--python-version", version, *words,
                   "--target", str(target), *needs]
        code = subprocess.call(command)
    if code:
        sys.exit("stage.py: pip found no wheels of the dependencies for Python %s on %s; see its message above" % (
            version, arch))
    for name in _unneeded(target):
        shutil.rmtree(name)
    stage.text("%s %s\n" % (version, arch), "core", HOME, "python/bundled/TARGET")


def _pip(scratch: str) -> list[str]:
    """pip of this Python; where a system Python has none, a fresh environment's."""
    if subprocess.call([sys.executable, "-m", "pip", "--version"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL) == 0:
        return [sys.executable, "-m", "pip"]
    code = subprocess.call([sys.executable, "-m", "venv", scratch])
    if code:
        sys.exit("stage.py: a bundle needs pip: install python3-pip or python3-venv")
    return [os.path.join(scratch, "bin", "python"), "-m", "pip"]


def _unneeded(target: Path) -> Iterator[Path]:
    """Scripts with the build machine's paths in them, and byte code."""
    if (target / "bin").is_dir():
        yield target / "bin"
    yield from sorted(target.rglob("__pycache__"))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("stage", type=Path)
    parser.add_argument("--bundle", default="", metavar="PYTHON")
    parser.add_argument("--arch", default="", choices=["", *PLATFORMS])
    parser.add_argument("--maintainer", default="nobody <nobody@localhost>", metavar="'NAME <ADDRESS>'")
    options = parser.parse_args(arguments)
    os.umask(0o022)
    if options.stage.exists():
        shutil.rmtree(options.stage)
    stage = Stage(options.source.resolve(), options.stage)
    facts = project(stage.source)
    python(stage, facts)
    content(stage)
    system(stage, facts, options.maintainer)
    control(stage, options.bundle)
    if options.bundle:
        bundled(stage, facts["dependencies"], options.bundle, options.arch)     # type: ignore[arg-type]
    from sbom import write
    write(stage.target / "core", HOME, facts, options.stage.parent / "sednabox.cdx.json",
          stage.path("core", "usr/share/doc/sednabox/sednabox.cdx.json"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
