"""All flowunits that a graph can use: those that come with pocketbox, and those of the folders that the graph names."""
from __future__ import annotations

import os
from typing import Iterable, Sequence

from . import descriptorfile, tomltext
from .attribute import split
from .descriptor import Descriptor
from .descriptorfile import ForeignUnit, NotADescriptor
from .errors import BuildError, FormatError
from .leftout import why_left_out
from .nearest import did_you_mean
from .problem import ERROR, WARNING, Problem
from .source import read_text

DEEPER = 4          # how far below a folder a misplaced unit is looked for
DEEPER_FILES = 2000


class Catalog:
    """Units by name and device. The first one found wins, units that come with pocketbox before all others."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.dirs: list[str] = []
        self.files: list[str] = []                          # every .toml that was looked at
        self._units: dict[tuple[str, str], Descriptor] = {}
        self._skipped: dict[str, Problem] = {}              # unit name -> why its descriptor was not taken

    @classmethod
    def scan(cls, dirs: Iterable[str], builtin: bool = True) -> Catalog:
        """Look for descriptors in each folder itself and in the folders right below it, no deeper.

        A folder that does not exist is passed over. Descriptors that cannot be read are left out and remembered in
        `problems`.
        """
        catalog = cls()
        if builtin:
            for unit in builtin_units():
                catalog.add(unit)
        for folder in dirs:
            folder = str(folder)
            catalog.dirs.append(folder)
            for path in descriptor_files(folder):
                if path not in catalog.files:
                    catalog._read(path)
        return catalog

    def add(self, unit: Descriptor) -> None:
        """Take a unit, unless one of the same name and device is there already."""
        known = self._units.setdefault((unit.name, unit.device), unit)
        if known is not unit:
            other = known.file or "the units that come with the engine"
            self.problems.append(Problem(
                "SB014", WARNING, f"flowunit '{unit.name}' (device {unit.device}) is defined a second time; this one "
                f"is never used, that of "
                f"{other} is", unit.place, cure="Rename one of them"))

    def units(self) -> list[Descriptor]:
        return list(self._units.values())

    def names(self) -> list[str]:
        return sorted({name for name, _device in self._units})

    def find(self, name: str, device: str = "") -> Descriptor:
        """The unit of this name, for one of the devices of `device` ("cpu", "cuda:0,1;cpu", or "" for any).

        Raises BuildError (NOTFOUND) that says what is there instead.
        """
        wanted = device_types(device)
        for kind in wanted:
            unit = self._units.get((name, kind))
            if unit is not None:
                return unit
        same_name = [unit for (other, _), unit in self._units.items() if other == name]
        if same_name and not wanted:
            return same_name[0]
        if same_name:
            there = ", ".join(sorted(unit.device for unit in same_name))
            raise BuildError(f"flowunit '{name}' is not there for device '{device}', only for {there}",
                             status="NOTFOUND",
                             cure=why_left_out(name, wanted) or f"Write device={same_name[0].device}")
        raise BuildError(f"there is no flowunit '{name}'", status="NOTFOUND", cure=self._hint(name, wanted))

    def _hint(self, name: str, devices: Sequence[str]) -> str:
        skipped = self._skipped.get(name)
        if skipped is not None:
            return f"Its descriptor was skipped: {skipped.place}: {skipped.message}"
        reason = why_left_out(name, devices)
        if reason:
            return reason
        deep = self._too_deep(name)
        if deep:
            return f"There is one in {deep}, but units are looked for in a driver.dir and one folder below it only"
        known = self.names()
        hint = did_you_mean(name, known)
        if not self.dirs:
            return hint + " The graph names no folder of flowunits: [driver] dir = [...]"
        missing = [folder for folder in self.dirs if not os.path.isdir(folder)]
        if missing:
            hint += " This driver.dir does not exist: {} (a relative one is taken from the working directory)".format(
                ", ".join(missing))
        return hint

    def _too_deep(self, name: str) -> str:
        count = 0
        for top in self.dirs:
            for folder, subfolders, files in os.walk(top):
                depth = os.path.relpath(folder, top).count(os.sep) + 1
                subfolders[:] = [] if depth >= DEEPER else sorted(s for s in subfolders if not s.startswith("."))
                for file in sorted(files):
                    path = os.path.join(folder, file)
                    if not file.endswith(".toml") or path in self.files:
                        continue
                    count += 1
                    if count > DEEPER_FILES:
                        return ""
                    try:
                        if descriptorfile.load(path).name == name:
                            return folder
                    except FormatError:
                        continue
        return ""

    def _read(self, path: str) -> None:
        self.files.append(path)
        try:
            source = tomltext.loads(read_text(path, "the descriptor"), path, "the descriptor")
        except FormatError as error:
            problem = Problem.of("SB010", error, ERROR)
            self.problems.append(problem)
            self._skipped.setdefault(os.path.splitext(os.path.basename(path))[0], problem)
            return
        for key in source.odd_arrays():
            self.problems.append(Problem(
                "SB013", ERROR, f"array '{key}' holds more than strings: the real engine aborts when it scans it",
                source.place(key), cure='Write strings: ["1", "2"], and no [[table]] in a folder of flowunits'))
        try:
            self.add(descriptorfile.read(source, path))
        except NotADescriptor:
            return
        except FormatError as error:
            base = source.values.get("base")
            name = str(base.get("name") or "") if isinstance(base, dict) else ""
            foreign = isinstance(error, ForeignUnit)
            problem = Problem.of("SB012" if foreign else "SB011", error, WARNING if foreign else ERROR)
            self._skipped.setdefault(name or os.path.splitext(os.path.basename(path))[0], problem)
            if not foreign:
                self.problems.append(problem)


def builtin_units() -> list[Descriptor]:
    """The units that come with pocketbox."""
    try:
        from . import builtin
    except ImportError:
        return []
    return list(builtin.descriptors())


def descriptor_files(folder: str) -> list[str]:
    """The .toml files of a folder, then those of the folders right below it, each in order of their names."""
    found: list[str] = []
    below: list[str] = []
    try:
        names = sorted(os.listdir(folder))
    except (OSError, ValueError):
        return []
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            below.append(path)
        elif _is_descriptor(name):
            found.append(path)
    for path in below:
        try:
            inner = sorted(os.listdir(path))
        except OSError:
            continue
        found += [os.path.join(path, name) for name in inner
                  if _is_descriptor(name) and os.path.isfile(os.path.join(path, name))]
    return found


def _is_descriptor(name: str) -> bool:
    """*.toml as a shell means it: hidden files are none."""
    return name.endswith(".toml") and not name.startswith(".")


def device_types(device: str) -> list[str]:
    """The kinds of devices in a node's `device`: "cuda:0,1;cpu" asks for cuda, then cpu.

    >>> device_types("cuda:0,1;cpu")
    ['cuda', 'cpu']
    """
    return list(device_ids(device))


def device_ids(device: str) -> dict[str, list[str]]:
    """The kinds of devices in a node's `device`, with the ids asked for; none means any.

    >>> device_ids("cuda:0,1;cpu")
    {'cuda': ['0', '1'], 'cpu': []}
    """
    found: dict[str, list[str]] = {}
    for part in ",".join(split(device)).split(";"):
        kind, _, ids = part.partition(":")
        if kind.strip():
            found.setdefault(kind.strip(), []).extend(number.strip() for number in ids.split(",") if number.strip())
    return found
