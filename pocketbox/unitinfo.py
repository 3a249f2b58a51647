"""What there is, as data: the form in which the real tool and its editor tell of devices and flowunits."""
from __future__ import annotations

from typing import Any

from .catalog import Catalog
from .descriptor import Descriptor

DEVICE = {"name": "0", "type": "CPU", "version": "", "description": "Host cpu device."}


def flow_info(catalog: Catalog) -> dict[str, Any]:
    """Devices and flowunits of a catalog."""
    return {"devices": [dict(DEVICE)], "flowunits": [unit_info(unit) for unit in sorted_units(catalog)]}


def unit_info(unit: Descriptor) -> dict[str, Any]:
    """One unit. Unlike on the real engine, Python units have a description, and the keys of [config] as options."""
    return {
        "name": unit.name,
        "type": unit.device,
        "version": unit.version or "1.0.0",
        "description": unit.description,
        "group": group(unit),
        "virtual": False,
        "inputports": [_port(port.name, port.device, port.type) for port in unit.inputs],
        "outputports": [_port(port.name, port.device, port.type) for port in unit.outputs],
        "options": options(unit),
    }


def sorted_units(catalog: Catalog) -> list[Descriptor]:
    return sorted(catalog.units(), key=lambda unit: (unit.device, unit.name))


def group(unit: Descriptor) -> str:
    """The group under which a unit is shown; one of the wrong form counts as Generic."""
    name = unit.group_type
    return name if name[:1].isupper() and name.count("/") <= 1 else "Generic"


def options(unit: Descriptor) -> list[dict[str, Any]]:
    """The options of a unit: as declared, else the keys of its [config] with their values as defaults."""
    if unit.options:
        return [dict(option) for option in unit.options]
    return [{"name": key, "type": "string", "default": ",".join(value) if isinstance(value, list) else str(value),
             "desc": "", "required": False} for key, value in unit.config.items()]


def kind(unit: Descriptor) -> str:
    """What sort of unit it is, in one word."""
    for name in ("condition", "expand", "collapse"):
        if getattr(unit, name):
            return name
    if unit.type == "inference":
        return "inference"
    return "stream" if unit.stream else "normal"


def _port(name: str, device: str, type: str) -> dict[str, str]:
    return {"name": name, "device_type": device, "port_type": type}
