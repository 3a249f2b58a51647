"""Which target an address means."""

from __future__ import annotations

import os
from typing import Any, Mapping
from urllib.parse import unquote, urlsplit

from sedna_bridge.errors import StorageError
from sedna_bridge.storage.directory import DirectoryTarget
from sedna_bridge.storage.http import IN_SO_MANY_WORDS, HttpTarget
from sedna_bridge.storage.target import Pace, Target, unpaced

HTTP_OPTIONS = (
    "method",
    "token",
    "token_file",
    "client_certificate",
    "client_key",
    "verify",
    "timeout",
    "piece",
    "connections",
)
NUMBERS = {"timeout": float, "piece": int, "connections": int}


def target_url(attributes: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The address in force: the attribute `target`, else Sedna's HE_SAVED_URL, else nothing."""
    return str(attributes.get("target") or environment.get("HE_SAVED_URL") or environment.get("he_saved_url") or "")


def open_target(
    url: str,
    options: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    pace: Pace = unpaced,
) -> Target:
    """Makes the target for a path, file://, http(s):// or s3:// address. Opens no connection yet.

    `options` are those of the target as numbers or text, so that they can come from node attributes; the bearer
    token may also come from SEDNABOX_TOKEN.
    """
    environment = os.environ if environment is None else environment
    given = _options(options or {})
    scheme = urlsplit(url).scheme.lower() if "://" in url else ""
    if scheme in ("http", "https"):
        if not given.get("token_file"):
            given.setdefault("token", environment.get("SEDNABOX_TOKEN", ""))
        return HttpTarget(url, pace=pace, **given)
    if scheme == "s3":
        from sedna_bridge.storage.s3 import S3Target

        verify = given.get("verify", "")
        chosen = {key: given[key] for key in ("timeout", "connections") if key in given}
        trust: Any = False if verify == IN_SO_MANY_WORDS else verify or True
        return S3Target(url, environment=environment, verify=trust, pace=pace, **chosen)
    if scheme == "file":
        parts = urlsplit(url)
        if parts.netloc not in ("", "localhost"):
            raise StorageError("a file:// target must be on this machine, file:///path, not %r" % url)
        return DirectoryTarget(unquote(parts.path), pace)
    if scheme:
        raise StorageError("a target must be a directory, http(s)://, s3:// or file://, not %r" % url)
    if not url.strip():
        raise StorageError("no target is given: set the attribute target, or HE_SAVED_URL")
    return DirectoryTarget(url, pace)


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(options) - set(HTTP_OPTIONS))
    if unknown:
        raise StorageError("a target has no option %s; it has %s" % (unknown[0], ", ".join(HTTP_OPTIONS)))
    given = {}
    for key, value in options.items():
        if value in (None, ""):
            continue
        kind: Any = NUMBERS.get(key, str)
        try:
            given[key] = kind(value)
        except ValueError:
            raise StorageError("the target's option %s must be a number, not %r" % (key, value)) from None
        if key in NUMBERS and not given[key] > 0:
            raise StorageError("the target's option %s must be greater than 0, not %r" % (key, value))
    return given
