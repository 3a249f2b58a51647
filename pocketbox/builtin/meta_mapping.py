"""buff_meta_mapping: copies one meta value under another name, replaced where a rule knows it."""
from __future__ import annotations

import re
from typing import Any

from ..sdk import log
from ..sdk.buffer import Buffer
from .unit import BAD_CONFIG, BuiltinUnit, Refusal

WHOLE = re.compile(r"\s*[+-]?[0-9]+")
DECIMAL = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*([eE][+-]?[0-9]+)?|\.[0-9]+([eE][+-]?[0-9]+)?)")
INT64 = 1 << 63


def as_text(value: Any) -> str | None:
    """A value as rules name it: 6 significant digits, 1 for true; None for values that rules cannot name."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return "%g" % value
    return value if isinstance(value, str) else None


def like(text: str, sample: Any) -> Any:
    """The text as a value of the sample's type; a number may be followed by anything. ValueError if there is none."""
    if isinstance(sample, bool):
        return text == "true"
    if isinstance(sample, str):
        return text
    pattern, kind = (WHOLE, int) if isinstance(sample, int) else (DECIMAL, float)
    found = pattern.match(text)
    if not found:
        raise ValueError("'%s' is no number" % text)
    value = kind(found.group())
    if kind is int and not -INT64 <= value < INT64:
        raise ValueError("'%s' does not fit into 64 bits" % text)
    return value


class BuffMetaMapping(BuiltinUnit):
    def configure(self, config: Any) -> None:
        self.source, self.target = config.get_string("src_meta"), config.get_string("dest_meta")
        for key, value in (("src_meta", self.source), ("dest_meta", self.target)):
            if not value:
                raise Refusal(BAD_CONFIG, "option %s is missing: it names the meta to %s" % (
                    key, "read" if key == "src_meta" else "write"))
        self.rules: dict[str, str] = {}
        for rule in config.get_string_list("rules"):
            parts = [part for part in rule.split("=") if part]
            if len(parts) != 2:
                raise Refusal(BAD_CONFIG, "rule '%s' is no pair; write rules=\"old=new,other=newer\"" % rule)
            self.rules[parts[0]] = parts[1]

    def work(self, ctx: Any) -> None:
        out = ctx.output("out_data")
        for buffer in ctx.input("in_data"):
            self._map(buffer)
            out.push_back(buffer)

    def _map(self, buffer: Buffer) -> None:
        try:
            value = buffer.get(self.source)
        except ValueError:
            return
        text = as_text(value) if self.rules else None
        if text is None or text not in self.rules:
            buffer._meta[self.target] = buffer._meta.get(self.source, value)
            return
        try:
            buffer.set(self.target, like(self.rules[text], value))
        except ValueError as error:
            log.error("buff_meta_mapping: %s of the rule for %s=%s cannot become a %s: %s" % (
                self.rules[text], self.source, text, type(value).__name__, error))
