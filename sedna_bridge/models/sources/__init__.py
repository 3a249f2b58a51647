"""The places that models come from, and `source_from`, which makes one from a text as it stands in a graph or a
setting."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from ..errors import ModelError
from .base import Source
from .folder import DropFolder
from .hot_update import HotUpdateFile, read_hot_update
from .inference_model import InferenceModel, read_inference_model
from .web import WebModel

__all__ = [
    "DropFolder",
    "HotUpdateFile",
    "InferenceModel",
    "Source",
    "WebModel",
    "read_hot_update",
    "read_inference_model",
    "source_from",
]


def source_from(text: str, period: float | None = None) -> Source:
    """A source by its address.

    `sedna:PATH` or a file model_config.json: Sedna's hot-update file. Names that end in .yaml, .yml or .json: an
    InferenceModel manifest. http(s):// and s3://: a model at that address. Anything else: a folder that models are
    dropped into. Raises ModelError for any other kind of address.
    """
    scheme = urlsplit(text).scheme if "://" in text else ""
    if scheme not in ("", "http", "https", "s3", "file"):
        raise ModelError("source %r: expected a folder, a file, http(s):// or s3://" % text)
    path = urlsplit(text).path if "://" in text else text
    source: HotUpdateFile | InferenceModel | WebModel | DropFolder
    if text.startswith("sedna:") or Path(path).name == "model_config.json":
        source = HotUpdateFile(Path(text[6:] if text.startswith("sedna:") else path))
    elif path.endswith((".yaml", ".yml", ".json")):
        source = InferenceModel(text)
    elif "://" in text and not text.startswith("file://"):
        source = WebModel(text)
    else:
        source = DropFolder(Path(path))
    if period is not None:
        source.wait(period)
    return source
