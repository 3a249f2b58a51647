"""Appending samples to a dataset that an LC watches, so that the LC can digest them.

One write of whole lines at the end, under a lock, with a newline before it where the last writer left none; nothing
longer than 64 KiB, no blank line; at least so many lines at once that the LC trains on one of them. What could not be
written in full is taken back.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence

from sedna_bridge.datasets.errors import DatasetFormatError
from sedna_bridge.datasets.samples import Sample
from sedna_bridge.datasets.split import least_batch
from sedna_bridge.datasets.txt import LONGEST_LINE, checked_line


def append_samples(path: str, samples: Sequence[Sample], train_prob: float = 0.0) -> int:
    """Append Sedna's lines; returns how many. Names are as the samples have them: relative to the dataset's folder."""
    return append_lines(path, [checked_line(sample) for sample in samples], train_prob)


def append_lines(path: str, lines: Sequence[str], train_prob: float = 0.0) -> int:
    """Append lines at once; with `train_prob` too small a batch is refused: the real LC would never train it."""
    for line in lines:
        if not line.strip() or "\n" in line or "\r" in line:
            raise DatasetFormatError(f"{path}: a line to append must not be blank or have a line break; got {line!r}")
        if len(line.encode("utf-8")) >= LONGEST_LINE:
            raise DatasetFormatError(f"{path}: a line of 64 KiB or more: the real LC would ignore the rest of the file")
    if not lines:
        return 0
    if train_prob and len(lines) < least_batch(train_prob):
        raise DatasetFormatError(
            f"{path}: {len(lines)} lines at once are too few: with trainProb {train_prob:g} append at least "
            f"{least_batch(train_prob)}, the real LC rounds down at each look"
        )
    raw = "".join(line + "\n" for line in lines).encode("utf-8")
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise DatasetFormatError(f"{path}: cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            raw = b"\n" + raw
        try:
            written = os.write(descriptor, raw)
            if written < len(raw):
                raise OSError(28, "no space left for all lines")
            os.fsync(descriptor)
        except OSError as error:
            os.ftruncate(descriptor, size)
            raise DatasetFormatError(f"{path}: nothing was appended: {error.strerror}") from None
    finally:
        os.close(descriptor)
    return len(lines)
