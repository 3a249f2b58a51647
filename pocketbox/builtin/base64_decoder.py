"""base64_decoder: base64 text, bare or in a JSON object, into bytes."""
from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import numpy as np

from ..sdk import log
from .picture import raw_bytes, shapeless
from .unit import FAULT, BuiltinUnit, Refusal, choice

BLANKS = b" \t\r\n"
NO_DATA = "out buf is nullptr"


class Base64Decoder(BuiltinUnit):
    def configure(self, config: Any) -> None:
        self.is_json = choice(config, "data_format", "raw", ("raw", "json")) == "json"
        self.key = config.get_string("key", "")

    def work(self, ctx: Any) -> None:
        device, out = self.get_bind_device(), ctx.output("out_data")
        for buffer in ctx.input("in_data"):
            data = raw_bytes(buffer).tobytes()
            if not data:
                raise Refusal(FAULT, "in data size is invalied")
            decoded = self._decoded(self._field(data) if self.is_json else data)
            out.push_back(shapeless(device, np.frombuffer(bytearray(decoded), np.uint8), typed=False))

    def _field(self, data: bytes) -> bytes:
        try:
            body = json.loads(data.decode("utf-8"))
        except ValueError as error:
            raise self._bad("the data is no JSON: %s" % error) from None
        value = body.get(self.key) if isinstance(body, dict) else None
        if not isinstance(value, str):
            raise self._bad("the JSON object has no text under the key '%s'" % self.key)
        return value.encode("utf-8")

    def _decoded(self, text: bytes) -> bytes:
        text = text.strip(BLANKS)
        if not text:
            raise self._bad("the text is empty")
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise self._bad("the text is no base64: %s" % error) from None

    def _bad(self, reason: str) -> Refusal:
        log.error("base64_decoder: " + reason)
        return Refusal(FAULT, NO_DATA)
