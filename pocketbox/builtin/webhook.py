"""A webhook: an address that takes data by POST."""
from __future__ import annotations

import json

from .media import masked

SECONDS = 30


class BrokerError(Exception):
    """Raised when data cannot be delivered; `again` tells that another try may succeed."""

    def __init__(self, message: str, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


class Webhook:
    """Made from the text {"url": ..., "headers": {...}}."""

    def __init__(self, config: str) -> None:
        try:
            said = json.loads(config)
        except ValueError as error:
            raise BrokerError("its 'cfg' is no JSON: %s" % error) from None
        url = said.get("url") if isinstance(said, dict) else None
        headers = said.get("headers") if isinstance(said, dict) else None
        if not isinstance(url, str) or not url:
            raise BrokerError("its 'cfg' has no url")
        if headers is not None and (not isinstance(headers, dict)
                                    or not all(k and isinstance(v, str) for k, v in headers.items())):
            raise BrokerError("the 'headers' of its 'cfg' are no object of texts")
        import requests
        self.url = url
        self.headers = headers or {}
        self._session = requests.Session()
        self._session.verify = False    # like ModelBox's, which does not check the certificate

    def send(self, data: bytes) -> None:
        import requests
        headers = dict(self.headers)
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "text/plain; charset=utf-8"
        try:
            answer = self._session.post(self.url, data, headers=headers, timeout=SECONDS)
        except (requests.RequestException, ValueError) as error:
            raise BrokerError("cannot reach %s: %s" % (masked(self.url), error)) from None
        if not 200 <= answer.status_code < 300:
            raise BrokerError("%s answered %d" % (masked(self.url), answer.status_code), again=True)

    def close(self) -> None:
        self._session.close()
