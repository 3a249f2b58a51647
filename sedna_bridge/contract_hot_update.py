"""The file by which LC tells an inference worker of a new model.

The real LC overwrites it in place, names no size and no checksum, and uses Go's `time.String()` with its monotonic
suffix as the version: so a reader takes the version as an opaque text, and waits until file and model hold still.
A missing file is normal: nothing was deployed yet. We write the same bytes, but whole (temporary file, rename).
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass

from sedna_bridge.contract import HOT_UPDATE_MOUNT, ContractError

FILE_NAME = "model_config.json"
_BORN = time.monotonic()


@dataclass(frozen=True)
class HotUpdate:
    """What model_config.json says."""

    model_path: str
    model_update_time: str

    def text(self) -> str:
        """The file's bytes as Go's json.MarshalIndent(config, "", " ") makes them."""
        value = {"model_config": {"model_path": self.model_path, "model_update_time": self.model_update_time}}
        return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> HotUpdate:
        try:
            config = json.loads(text)["model_config"]
            path, version = config["model_path"], config["model_update_time"]
        except (ValueError, KeyError, TypeError) as error:
            raise ContractError(
                f'{FILE_NAME}: expected {{"model_config": {{"model_path", "model_update_time"}}}};'
                f" got {text[:200]!r} ({error})"
            ) from None
        if not isinstance(path, str) or not path or not str(version):
            raise ContractError(
                f"{FILE_NAME}: model_path and model_update_time must be texts; got {path!r} and {version!r}"
            )
        return cls(path, str(version))


def read(path: str) -> HotUpdate | None:
    """The hot update at `path`, or None where nothing was deployed yet."""
    try:
        with open(path, encoding="utf-8") as file:
            return HotUpdate.parse(file.read())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"{path} cannot be read: {error}") from None


def host_folder(root: str, namespace: str, job: str) -> str:
    """Where the real GM puts a job's hot-update folder below the host's (or our state's) root."""
    return os.path.join(root, "model-hot-update", namespace, "incrementallearningjob", job)


def mounted_path(model_file: str) -> str:
    """`model_path` for a worker in a container."""
    return HOT_UPDATE_MOUNT + "/" + os.path.basename(model_file)


def go_time_text(now_ns: int | None = None) -> str:
    """A version as LC writes it: Go's time.String(), "2026-11-21 01:03:40.118677964 +0000 UTC m=+255.787900"."""
    moment = time.time_ns() if now_ns is None else now_ns
    seconds, nanos = divmod(moment, 1_000_000_000)
    base = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
    fraction = (".%09d" % nanos).rstrip("0").rstrip(".")
    return f"{base}{fraction} +0000 UTC m=+{time.monotonic() - _BORN:.9f}"
