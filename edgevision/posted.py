"""A picture as programs post it: its bytes, base64 text, or a JSON object with base64 text in it.

ModelBox's HTTP units hand a request's body on as text. Bytes of a JPEG that were sent without a content type come as
UTF-8 text of their Latin-1 letters; they are turned back.
"""
from __future__ import annotations

import base64
import binascii
import json

import cv2
import numpy as np

from edgevision.errors import MediaError

KEYS = ("image_base64", "image", "data")
_MOST = 64 << 20  # bytes of an encoded picture; more is not a picture from a camera


def picture_from(data: bytes) -> np.ndarray:
    """The picture as blue-green-red (h, w, 3); MediaError says what was wrong with it."""
    if not data:
        raise MediaError("the request holds no data: expected a JPEG or PNG as base64 text, or JSON with "
                         "\"image_base64\" (ModelBox takes no other bodies than text)")
    if len(data) > _MOST:
        raise MediaError("the picture has %d bytes: expected at most %d" % (len(data), _MOST))
    for candidate in _readings(data):
        try:
            picture = cv2.imdecode(np.frombuffer(candidate, np.uint8), cv2.IMREAD_COLOR) if candidate else None
        except cv2.error as error:  # such as more pixels than OpenCV allows
            raise MediaError("the picture cannot be decoded: %s" % str(error).splitlines()[0]) from None
        if picture is not None:
            return picture
    raise MediaError("the %d bytes are no picture: expected a JPEG or PNG, as it is, as base64 text, or in JSON under "
                     "%s" % (len(data), ", ".join('"%s"' % key for key in KEYS)))


def _readings(data: bytes) -> list[bytes]:
    """What the bytes may mean, likeliest first."""
    text = data.strip()
    if text[:1] == b"{":
        return [_decoded(_field(text))]
    if text[:5] == b"data:" and b"," in text[:100]:  # a data: URL, as browsers make them
        return [_decoded(text.split(b",", 1)[1])]
    readings = [data]
    try:
        readings.append(data.decode("utf-8").encode("latin-1"))
    except (UnicodeDecodeError, UnicodeEncodeError):
        pass
    try:
        readings.append(_decoded(text))
    except MediaError:
        pass
    return readings


def _field(text: bytes) -> bytes:
    try:
        body = json.loads(text.decode("utf-8"))
    except ValueError as error:
        raise MediaError("the body begins like JSON but is none: %s" % error) from None
    for key in KEYS:
        value = body.get(key)
        if isinstance(value, str):
            return value.split(",", 1)[-1].encode("utf-8") if value.startswith("data:") else value.encode("utf-8")
    raise MediaError("the JSON object has no text under %s" % ", ".join('"%s"' % key for key in KEYS))


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MediaError("the text is no base64: %s" % error) from None
