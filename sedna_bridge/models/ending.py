"""How a swap ends. The end is first written to the journal; every part of carrying it out may be done twice, so a
process that dies in the middle leaves work for the next one, never a contradiction."""

from __future__ import annotations

from typing import Any

from . import failpoints
from .journal import Journal, Swap
from .offers import OfferLedger
from .reports import COMPLETED, FAILED, Reports
from .states import KEPT, ROLLED_BACK
from .store import ModelStore
from .sweep import sweep


def conclude(
    store: ModelStore, swap: Swap, figures: dict[str, Any], keep_versions: int = 3, keep_seconds: float = 3600.0
) -> None:
    """Carry out the end of a swap: pointer, rejections, ledger, report, history; then forget the swap."""
    failpoints.reach("swap.conclude")
    if swap.state == ROLLED_BACK and store.pointer().active == swap.version:
        store.point_back(swap.old, swap.older or None)
    failpoints.reach("swap.pointed")
    if swap.state != KEPT and swap.version:
        store.reject(swap.version, swap.reason, swap.state)
    if swap.state == KEPT and not swap.trial and swap.old:
        store.reject(swap.old, "rolled back" + (" by " + swap.by if swap.by else ""), ROLLED_BACK)
    if swap.offer:
        OfferLedger(store).end(swap.offer, swap.state, swap.version)
    if swap.report and swap.report_key:
        Reports(store.root).intend(swap.report_key, COMPLETED if swap.state == KEPT else FAILED, swap.reason)
    failpoints.reach("swap.noted")
    store.history.add_once(
        swap.id + swap.state,
        swap.state,
        swap.version or swap.report_key,
        swap=swap.id,
        old=swap.old,
        by=swap.by,
        reason=swap.reason,
        order=swap.order,
        **figures,
    )
    Journal(store.root).clear()
    if swap.state == KEPT:
        sweep(store, keep_versions, keep_seconds=keep_seconds)
