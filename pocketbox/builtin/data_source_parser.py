"""data_source_parser: turns a JSON description of a source into the address of a video.

`source_type` in the buffer's meta says how: `url` brings the address along, `restful` asks a server for it.
"""
from __future__ import annotations

import json
from typing import Any, Callable
from urllib.parse import quote

from ..sdk import log
from ..sdk.configuration import Configuration
from ..sdk.private import DataMeta, SessionContext
from .media import MediaError, masked
from .picture import raw_bytes, shapeless, zero_byte
from .source_retry import FOR_EVER, RETRY, Retry
from .unit import FAULT, BuiltinUnit, Refusal, text_of

IN, OUT = "in_data", "out_video_url"
FILE_TRIES = 10
INTERVAL_MS = 1000
REQUEST_SECONDS = 30
RESPONSE = "data_source_parser.restful_source_parser.response"     # key in the session's context
VENDORS = {"obs": "object storage", "vcn": "cameras", "vcn_restful": "cameras", "vis": "video"}


class BadSource(Exception):
    """Raised for a description that no second try can make good."""


class RetryOptions:
    """The retry options of one kind of source; those with its name in front win."""

    def __init__(self, config: Configuration, kind: str) -> None:
        self._config = config
        self._kind = kind

    def enabled(self) -> bool:
        return self._config.get_bool(self._kind + "_retry_enable", self._config.get_bool("retry_enable", True))

    def number(self, key: str, default: int, *narrower: str) -> int:
        """The option `key`, overridden by KIND_key and those of `narrower` that are given."""
        value = self._config.get_int(key, default)
        for name in (key, *narrower):
            value = self._config.get_int("%s_%s" % (self._kind, name), value)
        return value


class UrlSource:
    """{"url": ..., "url_type": "file" or "stream"}."""

    def __init__(self, text: str, config: Configuration) -> None:
        said = _object(text)
        self.url = _text(said, "url")
        self.is_file = _text(said, "url_type") == "file"
        options, kind = RetryOptions(config, "url"), "file" if self.is_file else "stream"
        self.enabled = options.enabled()
        self.interval = options.number("retry_interval_ms", INTERVAL_MS, kind + "_retry_interval_ms")
        self.limit = options.number("retry_count_limit", FILE_TRIES if self.is_file else FOR_EVER,
                                    kind + "_retry_count_limit")

    def find_url(self) -> str:
        return self.url


class RestfulSource:
    """{"request_url": ..., "response_url_position": "a/b", "headers": {...}, "params": [{"param_key", "param_value"}]}.

    The server's answer is kept in the session's context.
    """

    is_file = False

    def __init__(self, text: str, config: Configuration, context: SessionContext) -> None:
        said = _object(text)
        self.context = context
        self.request_url = _text(said, "request_url")
        self.position = [part for part in _text(said, "response_url_position").split("/") if part]
        params = said.get("params")
        if params is not None:
            if not isinstance(params, list):
                raise BadSource("'params' is no list of objects with param_key and param_value")
            self.request_url += "?" + "&".join("%s=%s" % (
                quote(_text(pair, "param_key"), safe=""), quote(_text(pair, "param_value", True), safe=""))
                for pair in params)
        headers = said.get("headers") or {}
        if not isinstance(headers, dict) or not all(k and isinstance(v, str) for k, v in headers.items()):
            raise BadSource("'headers' is no object of texts")
        self.headers = {**headers, "Content-Type": "application/json"}
        options = RetryOptions(config, "restful")
        self.enabled = options.enabled()
        self.interval = options.number("retry_interval_ms", INTERVAL_MS)
        self.limit = options.number("retry_count_limit", FOR_EVER)

    def find_url(self) -> str:
        import requests
        where = masked(self.request_url)
        try:
            # Like ModelBox's, the certificate is not checked: such servers mostly sign their own.
            answer = requests.get(self.request_url, headers=self.headers, timeout=REQUEST_SECONDS, verify=False)
        except (requests.RequestException, ValueError) as error:
            raise MediaError("cannot ask %s for the video's address: %s" % (where, error)) from None
        if answer.status_code != 200:
            raise MediaError("%s answered %d instead of telling the video's address" % (where, answer.status_code))
        try:
            value = json.loads(answer.text)
            for part in self.position:
                value = value[part]
        except (ValueError, KeyError, TypeError, IndexError):
            value = None
        if not isinstance(value, str) or not value:
            raise MediaError("the answer of %s has no text at %s" % (where, "/".join(self.position)))
        self.context.set_private(RESPONSE, answer.text)
        return value


class DataSourceParser(BuiltinUnit):
    def configure(self, config: Any) -> None:
        self.config = config

    def work(self, ctx: Any) -> None:
        for buffer in ctx.input(IN) or ():
            self._parse(ctx, buffer)
            ctx.output(OUT).push_back(shapeless(self.get_bind_device(), zero_byte(), typed=False))

    def _parse(self, ctx: Any, buffer: Any) -> None:
        kind = text_of(buffer, "source_type") or ""
        text = raw_bytes(buffer).tobytes().decode("utf-8", "replace")
        try:
            source = self._source(kind, text, ctx.get_session_context())
        except BadSource as error:
            message = "data source of type '%s': %s" % (kind, error)
            self.fail(message)
            raise Refusal(FAULT, message) from None
        meta = DataMeta()
        meta._values[RETRY] = Retry(source.find_url, source.enabled, source.interval, source.limit, source.is_file)
        try:
            meta.set_private_string("source_url", source.find_url())
        except MediaError as error:
            log.warn("node %s: %s" % (self.node_name(), error))
            meta.set_private_string("source_url", "")
        ctx.set_output_meta(OUT, meta)

    def _source(self, kind: str, text: str, context: SessionContext) -> Any:
        makers: dict[str, Callable[[], Any]] = {
            "url": lambda: UrlSource(text, self.config),
            "restful": lambda: RestfulSource(text, self.config, context),
        }
        if kind in VENDORS:
            raise BadSource("it reads %s of a vendor's cloud, which the embedded engine leaves out; there is: %s" % (
                VENDORS[kind], ", ".join(makers)))
        if kind not in makers:
            raise BadSource("there is no such type; the meta source_type can be: %s" % ", ".join(makers))
        return makers[kind]()


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadSource("the description is no JSON: %s" % error) from None
    if not isinstance(value, dict):
        raise BadSource("the description is no JSON object")
    return value


def _text(said: Any, key: str, empty: bool = False) -> str:
    value = said.get(key) if isinstance(said, dict) else None
    if not isinstance(value, str) or not (value or empty):
        raise BadSource("the description has no text under '%s'" % key)
    return value
