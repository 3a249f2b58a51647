"""`graphs` runs small graphs of built-in units, `web` has servers for them."""
from __future__ import annotations

import importlib.util
import os
import socket
from typing import Any

import pytest


def _load(name: str) -> Any:
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    spec = importlib.util.spec_from_file_location("builtin_" + name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_GRAPHS, _WEB = _load("graphs"), _load("web")


@pytest.fixture()
def graphs() -> Any:
    return _GRAPHS


@pytest.fixture()
def web() -> Any:
    return _WEB


@pytest.fixture()
def port() -> int:
    """A free TCP port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
