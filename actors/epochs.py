"""The epochs of an attempt, as clients see them while it runs and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def metrics_of(epochs: Sequence[Mapping[str, Any]], strategy: Mapping[str, Any]) -> dict[str, Any]:
    """Return the epochs, of which there is one at least, and the best of them; `strategy` is the document trained."""
    best = _best_of(epochs, strategy)
    return {"epochs": list(epochs), "best_epoch": best["epoch"], "best_val_loss": best["val_loss"]}


def _best_of(epochs: Sequence[Mapping[str, Any]], strategy: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the epoch whose weights a training keeps: the first with the best monitored value."""
    early_stopping = strategy["training"].get("early_stopping") or {}
    if early_stopping.get("monitor") == "val_accuracy":
        return max(epochs, key=lambda epoch: float(epoch["val_accuracy"]))
    return min(epochs, key=lambda epoch: float(epoch["val_loss"]))
