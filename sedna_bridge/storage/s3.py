"""An S3 bucket as a target, with Sedna's environment. boto3 is loaded only when such a target is used."""

from __future__ import annotations

import os
from typing import Any, Mapping
from urllib.parse import urlsplit

from sedna_bridge.errors import StorageError, TargetAway, TargetRefused
from sedna_bridge.storage.bandwidth import HEAD
from sedna_bridge.storage.example import Example
from sedna_bridge.storage.target import Pace, PacedBody, Target, unpaced

LARGE = 8 * 1024 * 1024
THIS_EXAMPLE = {"EntityTooLarge", "InvalidDigest", "BadDigest", "KeyTooLongError", "InvalidObjectName"}
CONFIGURATION = {
    "NoSuchBucket": "make the bucket",
    "AccessDenied": "check the rights of the key",
    "InvalidAccessKeyId": "check ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "check SECRET_ACCESS_KEY",
    "RequestTimeTooSkewed": "set the clock of this machine",
}


class S3Target(Target):
    """Puts `<prefix>/<id>.jpg` and then `<prefix>/<id>.json`; the second makes the example complete."""

    def __init__(
        self,
        url: str,
        *,
        environment: Mapping[str, str] | None = None,
        verify: Any = True,
        timeout: float = 30.0,
        connections: int = 4,
        pace: Pace = unpaced,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc:
            raise StorageError("the target must read like s3://bucket/prefix, not %r" % url)
        self._bucket = parts.netloc
        self._prefix = parts.path.strip("/") + "/" if parts.path.strip("/") else ""
        self.where = "s3://%s/%s" % (self._bucket, self._prefix)
        self._pace = pace
        self._errors, self._client = _client(
            os.environ if environment is None else environment, verify, timeout, connections
        )
        self._client.meta.events.register("before-send.s3", self._slow_down)

    def put(self, example: Example) -> bool:
        if self._has(example.id + ".json"):
            return False
        self._put(example.id + ".jpg", example.picture, "image/jpeg", example)
        self._put(example.id + ".json", example.sidecar, "application/json", example)
        return True

    def close(self) -> None:
        self._client.close()

    def _has(self, name: str) -> bool:
        try:
            self._client.head_object(Bucket=self._bucket, Key=self._prefix + name)
        except self._errors.ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                return False
            raise self._away(error) from error
        except self._errors.BotoCoreError as error:
            raise TargetAway("%s cannot be reached: %s" % (self.where, error)) from error
        return True

    def _put(self, name: str, data: bytes, content_type: str, example: Example) -> None:
        key = self._prefix + name
        try:
            if len(data) > LARGE:
                self._put_parts(key, data, content_type)
            else:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=content_type)
        except self._errors.ClientError as error:
            if error.response.get("Error", {}).get("Code") in THIS_EXAMPLE:
                raise TargetRefused("%s does not take example %s: %s" % (self.where, example.id[:12], error)) from error
            raise self._away(error) from error
        except self._errors.BotoCoreError as error:
            raise TargetAway("%s cannot be reached: %s" % (self.where, error)) from error

    def _put_parts(self, key: str, data: bytes, content_type: str) -> None:
        """A large picture in parts, so that a broken link costs one part."""
        where = {"Bucket": self._bucket, "Key": key}
        upload = {
            **where,
            "UploadId": self._client.create_multipart_upload(ContentType=content_type, **where)["UploadId"],
        }
        try:
            parts = []
            for number, at in enumerate(range(0, len(data), LARGE), 1):
                tag = self._client.upload_part(PartNumber=number, Body=data[at : at + LARGE], **upload)["ETag"]
                parts.append({"PartNumber": number, "ETag": tag})
            self._client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)
        except BaseException:
            self._client.abort_multipart_upload(**upload)
            raise

    def _slow_down(self, request: Any, **_: Any) -> None:
        """Called with each signed request just before it leaves: the only place where its bytes can be paced."""
        if self._pace is unpaced:
            return
        self._pace(HEAD)
        if isinstance(request.body, (bytes, bytearray)) and request.body:
            request.body = PacedBody(bytes(request.body), self._pace)
        elif hasattr(request.body, "read"):
            request.body = PacedBody(request.body.read(), self._pace)

    def _away(self, error: Any) -> TargetAway:
        code = error.response.get("Error", {}).get("Code", "")
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        asked = str(headers.get("retry-after", ""))
        advice = CONFIGURATION.get(code)
        return TargetAway(
            "%s: %s%s" % (self.where, error, "; " + advice if advice else ""), float(asked) if asked.isdigit() else None
        )


def endpoint(environment: Mapping[str, str]) -> str | None:
    """S3_ENDPOINT_URL as Sedna means it: without a scheme USE_HTTPS (or S3_USE_HTTPS) decides; silent, it is https."""
    url = (environment.get("S3_ENDPOINT_URL") or "").strip()
    if not url:
        return None
    if url.startswith(("http://", "https://")):
        return url
    secure = environment.get("USE_HTTPS") or environment.get("S3_USE_HTTPS") or "1"
    return "%s://%s" % ("http" if secure.strip().lower() in ("0", "false", "no", "off") else "https", url)


def _client(environment: Mapping[str, str], verify: Any, timeout: float, connections: int) -> Any:
    try:
        import boto3
        import botocore.exceptions
        from botocore.config import Config
    except ImportError:
        raise StorageError("a target s3://... needs boto3; install it with: pip install 'sednabox[s3]'") from None
    key, secret = environment.get("ACCESS_KEY_ID"), environment.get("SECRET_ACCESS_KEY")
    if bool(key) != bool(secret):
        raise StorageError("set ACCESS_KEY_ID and SECRET_ACCESS_KEY, or none for the machine's own identity")
    settings: dict[str, Any] = {
        "connect_timeout": min(10.0, timeout),
        "read_timeout": timeout,
        "max_pool_connections": connections,
        "retries": {"total_max_attempts": 1},
        "signature_version": "s3v4",
    }
    address = endpoint(environment)
    if address:
        settings["s3"] = {"addressing_style": "path"}
    try:
        # Stores that speak S3 but are not Amazon's know nothing of the newer checksums.
        config = Config(
            request_checksum_calculation="when_required", response_checksum_validation="when_required", **settings
        )
    except TypeError:
        config = Config(**settings)
    session = boto3.session.Session(
        aws_access_key_id=key or None,
        aws_secret_access_key=secret or None,
        region_name=environment.get("S3_REGION") or environment.get("AWS_REGION") or "us-east-1",
    )
    try:
        return botocore.exceptions, session.client("s3", endpoint_url=address, config=config, verify=verify)
    except ValueError as error:
        raise StorageError("S3_ENDPOINT_URL must be a host or a url, not %r: %s" % (address, error)) from None
