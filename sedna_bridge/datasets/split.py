"""Splitting samples into train and eval as Sedna does: the first part to train, in file order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def split(items: Sequence[Item], train_prob: float) -> tuple[list[Item], list[Item]]:
    """`int(train_prob * n)` items to train, the rest to eval, both in file order."""
    if not 0 <= train_prob <= 1:
        raise ValueError(f"train_prob must be from 0 to 1; got {train_prob}")
    share = int(train_prob * len(items))
    return list(items[:share]), list(items[share:])


def least_batch(train_prob: float) -> int:
    """How many lines must be appended at once so that the real LC trains on at least one of them."""
    if not 0 < train_prob <= 1:
        raise ValueError(f"train_prob must be above 0 and at most 1; got {train_prob}")
    count = 1
    while int(train_prob * count) < 1:
        count += 1
    return count
