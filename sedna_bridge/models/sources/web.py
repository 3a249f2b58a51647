"""One model at one address, http(s) or s3: a new ETag, date or size is a new model."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

from ..download import Patience, redacted, s3_client
from ..errors import SourceError
from ..intake import Parcel
from ..offers import Offer
from ..store import ModelStore
from .base import Source
from .inference_model import fetch_and_take_in


class WebModel(Source):
    """Asks for the head of an address and offers what lies there when it changes."""

    def __init__(self, url: str, period: float = 60.0, sha256: str = "", patience: Patience | None = None) -> None:
        self.url = url
        self.period = period
        self.sha256 = sha256
        self.patience = patience or Patience()

    @property
    def name(self) -> str:
        return redacted(self.url)

    def poll(self, store: ModelStore) -> Offer | None:
        mark = self._mark_s3() if urlsplit(self.url).scheme == "s3" else self._mark_http()
        if not mark:
            return None
        short = hashlib.sha256(mark.encode("utf-8")).hexdigest()[:12]
        stem = Path(urlsplit(self.url).path).name.split(".")[0] or "model"
        active = store.pointer().active or ""
        parcel = Parcel(name="", version="", sha256=self.sha256, source=self.name, inherit=active)

        return Offer(
            "%s|%s|%s" % (self.name, mark, self.sha256),
            "%s-%s" % (stem, short),
            lambda store, progress: fetch_and_take_in(store, self.url, parcel, self.patience, progress),
            self.name,
        )

    def _mark_http(self) -> str:
        import requests

        try:
            answer = requests.head(self.url, timeout=(5.0, 10.0), allow_redirects=True)
        except requests.RequestException as error:
            raise SourceError("%s cannot be asked: %s" % (self.name, type(error).__name__)) from None
        if answer.status_code == 404:
            return ""
        if answer.status_code != 200:
            raise SourceError("%s: the server answered %d." % (self.name, answer.status_code))
        marks = [answer.headers.get(key, "") for key in ("ETag", "Last-Modified", "Content-Length")]
        return "|".join(marks) if any(marks[:2]) else ""

    def _mark_s3(self) -> str:
        client = s3_client()
        from botocore.exceptions import BotoCoreError, ClientError

        parts = urlsplit(self.url)
        try:
            head = client.head_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                return ""
            raise SourceError("%s cannot be asked: %s" % (self.name, error)) from None
        except BotoCoreError as error:
            raise SourceError("%s cannot be asked: %s" % (self.name, error)) from None
        return "%s|%s" % (head.get("ETag", ""), head.get("ContentLength", ""))
