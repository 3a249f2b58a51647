"""Makes `import _flowunit` and `import modelbox` work in a test."""
from __future__ import annotations

import contextlib
from typing import Iterator

from .. import sdkpath


@contextlib.contextmanager
def sdk() -> Iterator[None]:
    """Inside, the embedded modules are importable: `with sdk(): from invert import Invert`.

    UnitUnderTest and run_graph do this themselves. What was imported stays imported.
    """
    was = sdkpath.FOLDER in sdkpath.sys.path
    sdkpath.enter()
    try:
        yield
    finally:
        if not was:
            sdkpath.leave()
