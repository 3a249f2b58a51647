"""Reads a multipart form, byte for byte: Python's own mail parser would take pictures for text."""

from __future__ import annotations

import re

from sedna_bridge.cloud.store import Refusal


def read_form(content_type: str, body: bytes) -> dict[str, bytes]:
    """The parts of a multipart/form-data body by name."""
    match = re.match(
        r'^multipart/form-data;.*\bboundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))', content_type, re.IGNORECASE
    )
    if not match:
        raise Refusal(415, "POST needs multipart/form-data with a boundary, not %.80r" % content_type)
    mark = b"\r\n--" + (match.group(1) or match.group(2)).encode("ascii", "replace")
    pieces = (b"\r\n" + body).split(mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise Refusal(400, "the form does not end with its boundary")
    form = {}
    for piece in pieces[1:-1]:
        head, gap, content = piece.partition(b"\r\n\r\n")
        name = re.search(rb'\bname="([^"]*)"', head)
        if not gap or not name:
            raise Refusal(400, "a part of the form has no name")
        form[name.group(1).decode("utf-8", "replace")] = content
    return form
