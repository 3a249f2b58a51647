"""Where a train worker writes: MODEL_URL is a folder (a mount of the host), or stays s3:// where outputDir is one."""

from __future__ import annotations

import os
import tempfile
from typing import Any
from urllib.parse import urlsplit

from sedna_bridge.contract import is_local
from sedna_bridge.environment import Environment, WorkerEnvironment
from sedna_bridge.storage.s3 import endpoint
from sedna_bridge.workers.errors import WorkerError

MANIFEST = "manifest.toml"


class Output:
    """`folder` is where to write; `publish(path)` puts a finished model in place and tells the url to report."""

    def __init__(self, worker: WorkerEnvironment, environment: Environment) -> None:
        self._worker = worker
        self._environment = environment
        url = worker.model_url
        if not url:
            raise WorkerError("MODEL_URL is not set: it names the folder for the new model")
        if is_local(url):
            self.folder = url
        elif url.startswith("s3://"):
            name = f"sednabox-{worker.namespace}-{worker.worker_name or 'train'}"
            self.folder = os.path.join(tempfile.gettempdir(), name)
        else:
            raise WorkerError(f"MODEL_URL {url}: expected a folder or s3://bucket/folder to write to")
        try:
            os.makedirs(self.folder, exist_ok=True)
        except OSError as error:
            raise WorkerError(f"MODEL_URL {self.folder}: cannot be made: {error.strerror}") from None

    def publish(self, path: str) -> str:
        """The url for the report. On S3 the manifest goes first: a model there is then always a described one."""
        if is_local(self._worker.model_url):
            return self._worker.host_path(path)
        manifest = os.path.join(os.path.dirname(path), MANIFEST)
        if os.path.exists(manifest):
            self._upload(manifest)
        return self._upload(path)

    def _upload(self, path: str) -> str:
        url = f"{self._worker.model_url.rstrip('/')}/{os.path.basename(path)}"
        parts = urlsplit(url)
        try:
            self._client().upload_file(path, parts.netloc, parts.path.lstrip("/"))
        except Exception as error:
            raise WorkerError(f"{url}: the model could not be uploaded: {error}") from None
        return url

    def _client(self) -> Any:
        try:
            import boto3
            from botocore.config import Config
        except ImportError:
            raise WorkerError("writing to s3:// needs boto3: pip install 'sednabox[s3]'") from None
        env = self._environment
        # Stores that speak S3 but are not Amazon's know nothing of its newer checksums and host names.
        settings: dict[str, Any] = {"s3": {"addressing_style": "path"}}
        try:
            config = Config(request_checksum_calculation="when_required", **settings)
        except TypeError:
            config = Config(**settings)
        return boto3.client(
            "s3",
            endpoint_url=endpoint(dict(env.items())),
            aws_access_key_id=env.get("ACCESS_KEY_ID"),
            aws_secret_access_key=env.get("SECRET_ACCESS_KEY"),
            config=config,
            region_name=env.text("AWS_REGION", "us-east-1"),
        )
