"""How a training goes, by its epochs: the best of them, whether it overfits, whether it has stopped improving."""

from __future__ import annotations

import functools
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

from pydantic_core import from_json

N_JUDGED = 10
"""The newest epochs, by which both judgements are made."""
OVERFITTING_SHARE = 0.05
PLATEAU_SHARE = 0.001

Monitored = Literal["val_loss", "val_accuracy"]


@dataclass(frozen=True)
class Judgement:
    """What is said of a training's epochs. A judgement is None while there are too few to make it."""

    best_epoch: int | None
    """The first epoch with the best monitored value: its weights are the ones that are kept."""
    best_val_loss: float | None
    """Of that epoch."""
    is_overfitting: bool | None
    """See `overfits`."""
    is_plateaued: bool | None
    """See `has_plateaued`."""


class EpochHistory:
    """The epochs of one attempt, in order, read from the JSON they are kept as.

    Parameters
    ----------
    documents
        One JSON object an epoch.
    monitored
        What the training picks its best epoch by: the least `val_loss` or the greatest `val_accuracy`.
    """

    def __init__(self, documents: Sequence[str], monitored: Monitored = "val_loss") -> None:
        self._text = f"[{','.join(documents)}]"
        self._monitored = monitored

    @functools.cached_property
    def epochs(self) -> list[dict[str, Any]]:
        """The epochs, each as it was reported."""
        return cast("list[dict[str, Any]]", from_json(self._text))

    @functools.cached_property
    def judgement(self) -> Judgement:
        """The best epoch, and both judgements."""
        val_losses = _values(self.epochs, "val_loss")
        is_better_above = self._monitored == "val_accuracy"
        monitored = _values(self.epochs, self._monitored) if is_better_above else val_losses
        best = _place_of_best(monitored, is_better_above)
        return Judgement(
            best_epoch=None if best is None else self.epochs[best]["epoch"],
            best_val_loss=None if best is None else val_losses[best],
            is_overfitting=overfits(_values(self.epochs, "train_loss"), val_losses),
            is_plateaued=has_plateaued(monitored, is_better_above),
        )

    def metrics(self) -> dict[str, Any] | None:
        """Return epochs and judgement as one mapping; None where there is no epoch."""
        return {"epochs": self.epochs, **asdict(self.judgement)} if self.epochs else None

    def metrics_json(self) -> str:
        """Return the same as JSON, the epochs as they are kept: ten thousand of them need not be written again."""
        return f'{{"epochs":{self._text},{json.dumps(asdict(self.judgement))[1:]}'


def monitored_of(request: Mapping[str, Any]) -> Monitored:
    """Return what the training of a request picks its best epoch by."""
    training = request.get("strategy", {}).get("training", {})
    asked = (training.get("early_stopping") or {}).get("monitor")
    return "val_accuracy" if asked == "val_accuracy" else "val_loss"


def overfits(train_losses: Sequence[float | None], val_losses: Sequence[float | None]) -> bool | None:
    """Return whether the newest epochs learn the training rows by heart; None with fewer than twelve epochs.

    Over the last ten epochs, the newer five beside the older five, by their medians: the training loss falls, the
    validation loss rises, and it lies more than 5 % above its best. Epochs without both numbers are left out.
    """
    both = zip(train_losses, val_losses, strict=True)
    pairs = [(train, val) for train, val in both if train is not None and val is not None]
    if len(pairs) < N_JUDGED + 2:  # of the newest ten alone, one is the best so far
        return None
    best = min(val for _, val in pairs)
    train_N, val_N = zip(*pairs[-N_JUDGED:], strict=True)
    train_before, train_after = _medians(train_N)
    val_before, val_after = _medians(val_N)
    lies_above = val_after > best + OVERFITTING_SHARE * abs(best)
    return lies_above and val_after > val_before and train_after < train_before


def has_plateaued(monitored: Sequence[float | None], is_better_above: bool = False) -> bool | None:
    """Return whether the newest epochs improve nothing any more; None with fewer than eleven epochs.

    So it is if the best monitored value of the last ten epochs is not better than the best before them by more than
    0.1 % of that. Epochs without a number are left out.
    """
    sign = -1.0 if is_better_above else 1.0
    values = [sign * value for value in monitored if value is not None]
    if len(values) <= N_JUDGED:
        return None
    before = min(values[:-N_JUDGED])
    return before - min(values[-N_JUDGED:]) <= PLATEAU_SHARE * abs(before)


def _place_of_best(values: Sequence[float | None], is_better_above: bool) -> int | None:
    """Return where the best value stands first."""
    there = [value for value in values if value is not None]
    return values.index((max if is_better_above else min)(there)) if there else None


def _values(epochs: Sequence[Mapping[str, Any]], name: str) -> list[float | None]:
    found = [epoch.get(name) for epoch in epochs]
    return [value if value is not None and math.isfinite(value) else None for value in found]


def _medians(values: Sequence[float]) -> tuple[float, float]:
    """Return the median of the older and of the newer half: one wild epoch moves neither."""
    half = len(values) // 2
    return statistics.median(values[:half]), statistics.median(values[half:])
