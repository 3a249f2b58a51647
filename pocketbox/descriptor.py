"""A flowunit's descriptor: what its .toml says about it."""
from __future__ import annotations

from typing import Any

from .place import NOWHERE, Place


class Port:
    """One input or output port of a unit."""

    __slots__ = ("device", "name", "place", "type")

    def __init__(self, name: str, device: str = "", type: str = "", place: Place = NOWHERE) -> None:
        self.name = name
        self.device = device
        self.type = type
        self.place = place


class Descriptor:
    """Name, entry, flags, ports and [config] of one unit.

    Flags carry the defaults of the real engine: `stream` is True when the text does not say. `config` holds flat dotted
    keys with text values (lists: lists of texts). `type` is python, inference or builtin (a unit that comes with us).
    """

    def __init__(self, name: str, device: str = "cpu", type: str = "python", place: Place = NOWHERE) -> None:
        self.name = name
        self.device = device
        self.type = type
        self.place = place              # file and line of [base]
        self.file = ""                  # path of the .toml, "" for a unit that comes with us
        self.folder = ""                # folder of the .toml
        self.version = ""
        self.description = ""
        self.group_type = ""
        self.entry = ""                 # module@Class (python), file name of the model (inference)
        self.virtual_type = ""          # inference only
        self.stream = True
        self.condition = False
        self.collapse = False
        self.collapse_all = True
        self.expand = False
        self.stream_same_count = False
        self.exception_visible = False
        self.max_batch_size: int | None = None
        self.default_batch_size: int | None = None
        self.inputs: list[Port] = []
        self.outputs: list[Port] = []
        self.config: dict[str, Any] = {}
        self.factory: Any = None        # callable giving the unit's object; None: import `entry`
        self.options: list[dict[str, Any]] = []  # name, type, default, required, values, desc (builtins)
        self.settings: dict[str, Any] = {}       # the whole .toml under flat dotted keys
        self.places: dict[str, Place] = {}       # of the settings

    def input_names(self) -> list[str]:
        return [p.name for p in self.inputs]

    def output_names(self) -> list[str]:
        return [p.name for p in self.outputs]
