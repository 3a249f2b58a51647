"""A worker's environment: what GM and the user's template put there, read once, in one place.

Lookup is Sedna's: the name, then the name in upper case, then PARAMETERS (a JSON text, or a .json/.yaml file). An
empty value counts as none, as in Sedna's library. Owner names are where Sedna's own library goes wrong: it sends
JOB_NAME's default "sedna" for a joint inference worker, whose pods have only SERVICE_NAME; GM then finds no
such service.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Iterable, Mapping

from sedna_bridge.contract import (
    HOST_PATH_PREFIX,
    INCREMENTAL,
    JOINT_INFERENCE,
    ContractError,
    hard_example_parameters,
    host_path,
)

DEFAULT_LC_SERVER = "http://127.0.0.1:9100"


class Environment:
    """Look-ups in Sedna's way over any mapping (default: the process's environment)."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values: Mapping[str, str] = os.environ if values is None else values
        self._parameters: dict[str, Any] | None = None

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of `name`, `NAME` or PARAMETERS' `name`; `default` where that is missing or empty."""
        value = self._values.get(name) or self._values.get(name.upper())
        if value:
            return value
        found = self._from_parameters(name)
        return found if found else default

    def raw(self, name: str) -> str | None:
        """The value exactly as it stands: an empty one is not a missing one."""
        return self._values.get(name)

    def items(self) -> Iterable[tuple[str, str]]:
        return self._values.items()

    def text(self, name: str, default: str = "") -> str:
        return self.get(name) or default

    def integer(self, name: str, default: int) -> int:
        return int(self._number(name, int, default))

    def number(self, name: str, default: float) -> float:
        return float(self._number(name, float, default))

    def flag(self, name: str, default: bool = False) -> bool:
        """True for "true" in any case, as Sedna reads MODEL_HOT_UPDATE; also 1, yes, on."""
        value = self.get(name)
        return default if value is None else value.strip().lower() in ("true", "1", "yes", "on")

    def items_of(self, name: str, separator: str = ",") -> list[str]:
        return [part.strip() for part in self.text(name).split(separator) if part.strip()]

    def shape(self, name: str) -> list[int] | None:
        """A pair such as input_shape="352,640": height, width."""
        value = self.get(name)
        if value is None:
            return None
        try:
            numbers = [int(part) for part in value.replace("x", ",").split(",")]
        except ValueError:
            numbers = []
        if len(numbers) != 2 or min(numbers, default=0) < 1:
            raise ContractError(f'{name}: expected "height,width" such as "352,640"; got {value!r}')
        return numbers

    def _number(self, name: str, kind: type, default: float) -> float:
        value = self.get(name)
        if value is None:
            return default
        try:
            return kind(value)
        except ValueError:
            wanted = "a whole number" if kind is int else "a number"
            raise ContractError(f"environment variable {name}: expected {wanted}; got {value!r}") from None

    def _from_parameters(self, name: str) -> str | None:
        if self._parameters is None:
            self._parameters = _read_parameters(self._values.get("PARAMETERS") or "")
        value = self._parameters.get(name, self._parameters.get(name.upper()))
        if value is None:
            return None
        return value if isinstance(value, str) else json.dumps(value)


def _read_parameters(text: str) -> dict[str, Any]:
    """PARAMETERS: a JSON text, or the path of a .json or .yaml file. (Sedna also runs .py files: that is refused.)"""
    if not text.strip():
        return {}
    try:
        if text.endswith((".yaml", ".yml", ".json")):
            import yaml

            with open(text, encoding="utf-8") as file:
                value = yaml.safe_load(file)
        else:
            value = json.loads(text)
    except Exception as error:
        raise ContractError(
            f"PARAMETERS: expected a JSON object or the path of a .json or .yaml file; got {text[:200]!r} ({error})"
        ) from None
    if not isinstance(value, dict):
        raise ContractError(f"PARAMETERS: expected an object; got {text[:200]!r}")
    return value


@dataclass(frozen=True)
class WorkerEnvironment:
    """What GM says to a worker, typed. `from_environment` reads it; nothing else does."""

    namespace: str
    job_name: str
    service_name: str
    worker_name: str
    lc_server: str
    data_path_prefix: str
    model_url: str
    model_urls: list[str]
    base_model_url: str
    train_dataset_url: str
    test_dataset_url: str
    original_dataset_url: str
    hem_name: str
    hem_parameters: dict[str, str]
    hot_update: bool
    hot_update_config: str
    hot_update_period: float
    big_model_ip: str
    big_model_port: int
    lc_period: float

    @classmethod
    def from_environment(cls, environment: Environment | None = None) -> WorkerEnvironment:
        env = environment or Environment()
        period = env.number("MODEL_POLL_PERIOD_SECONDS", 60)
        # An explicit empty DATA_PATH_PREFIX says "host paths": only a missing one means Sedna's default.
        prefix = env.raw("DATA_PATH_PREFIX")
        return cls(
            namespace=env.text("NAMESPACE"),
            job_name=env.text("JOB_NAME"),
            service_name=env.text("SERVICE_NAME"),
            worker_name=env.text("WORKER_NAME"),
            lc_server=env.text("LC_SERVER", DEFAULT_LC_SERVER).rstrip("/"),
            data_path_prefix=HOST_PATH_PREFIX if prefix is None else prefix,
            model_url=env.text("MODEL_URL"),
            model_urls=[url for url in env.text("MODEL_URLS").split(";") if url.strip()],
            base_model_url=env.text("BASE_MODEL_URL"),
            train_dataset_url=env.text("TRAIN_DATASET_URL"),
            test_dataset_url=env.text("TEST_DATASET_URL"),
            original_dataset_url=env.text("ORIGINAL_DATASET_URL"),
            hem_name=env.text("HEM_NAME"),
            hem_parameters=hard_example_parameters(env.get("HEM_PARAMETERS")),
            hot_update=env.flag("MODEL_HOT_UPDATE"),
            hot_update_config=env.text("MODEL_HOT_UPDATE_CONFIG"),
            hot_update_period=period if period >= 1 else 60.0,
            big_model_ip=env.text("BIG_MODEL_IP"),
            big_model_port=env.integer("BIG_MODEL_PORT", 5000),
            lc_period=env.number("LC_PERIOD", 30),
        )

    @property
    def in_sedna(self) -> bool:
        """Whether a GM (or our local controller) started this process: then there is somebody to report to."""
        return bool(self.worker_name and self.owner_name)

    @property
    def owner_kind(self) -> str:
        return INCREMENTAL if self.job_name or not self.service_name else JOINT_INFERENCE

    @property
    def owner_name(self) -> str:
        """JOB_NAME of a job, SERVICE_NAME of a joint inference service; never a made-up name."""
        return self.job_name or self.service_name

    def host_path(self, path: str) -> str:
        """A path as it must stand in a report."""
        return host_path(path, self.data_path_prefix)

    @property
    def big_model_url(self) -> str:
        """Sedna's stock big model. GM gives its pods no JOB_NAME, so the route is /sedna/predict."""
        return "http://%s:%d/sedna/predict" % (self.big_model_ip, self.big_model_port) if self.big_model_ip else ""
