"""A round's samples for an estimator: `.x` and `.y` as in Sedna's data sources."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from sedna_bridge.contract import is_local
from sedna_bridge.datasets import Sample, read
from sedna_bridge.workers.errors import WorkerError
from sedna_bridge.workers.reporting import say


class SampleSource:
    """What `train` and `evaluate` get. Built from the round's file and the folder of the original dataset.

    `x` are image paths and `y` arrays of N x 5 (x1, y1, x2, y2, class); with `raw`, `x` are whole lines with an
    absolute path, as the helmet example of Sedna takes them (`use_raw`), and `y` is empty.
    """

    def __init__(self, url: str, original_url: str, data_type: str, raw: bool = False) -> None:
        if not url:
            raise WorkerError(f"no {data_type} data: {data_type.upper()}_DATASET_URL is not set")
        for each in (url, original_url):
            if each and not is_local(each):
                raise WorkerError(f"{each}: a worker reads files; Sedna's init container downloads s3:// and http://")
        self.data_type = data_type
        self.url = url
        self.folder = os.path.dirname(original_url or url)
        data = read(url, root=self.folder)
        self.samples: list[Sample] = data.samples
        bad = [problem for problem in data.problems if problem.fatal]
        for problem in bad[:10]:
            say(f"left out: {problem}")
        if bad:
            say(f"{len(bad)} bad lines of {url} are left out, {len(self.samples)} samples remain")
        self.x: Any = np.array([], dtype=object)
        self.y: Any = np.array([], dtype=object)
        if raw:
            self.x = np.array([sample.line() for sample in self.samples])
            return
        self.x = [sample.path for sample in self.samples]
        self.y = [
            np.array([box.values() for box in sample.boxes], dtype=np.float32).reshape(-1, 5) for sample in self.samples
        ]

    def __len__(self) -> int:
        return len(self.samples)

    def num_examples(self) -> int:
        return len(self.samples)

    @property
    def is_test_data(self) -> bool:
        return self.data_type == "test"

    def require_pictures(self) -> None:
        """Raise a WorkerError where pictures are missing: training on a part without a word would be a lie."""
        absent = [sample.path for sample in self.samples if not os.path.isfile(sample.path)]
        if absent:
            raise WorkerError(
                f"{len(absent)} of {len(self.samples)} pictures of {self.url} are missing, the first is {absent[0]}: "
                "paths are relative to the folder of ORIGINAL_DATASET_URL"
            )
