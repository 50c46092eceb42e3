"""What a set of labels is like, in numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ktrdr.errors import NoRows
from ktrdr.labels.arrays import FloatArray, IntArray
from ktrdr.labels.base import Labeler
from ktrdr.labels.lives import life_bounds, uniqueness

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class ReturnStatistics:
    """Labels that are returns: their mean, their standard deviation (of the population) and their quantiles."""

    mean: float
    standard_deviation: float
    quantiles: dict[str, float]
    """By share of labels that are at most as high: "0.05" to "0.95"."""


@dataclass(frozen=True)
class LabelStatistics:
    """What the labels of one series are like. Lives are counted in bars, from the row to `known_at`."""

    rows: int
    shares: dict[str, float] | None
    """Of each class, in code order; None where labels are returns."""
    returns: ReturnStatistics | None
    """None where labels are classes."""
    mean_life_bars: float
    median_life_bars: float
    max_life_bars: int
    mean_uniqueness: float
    """In (0, 1]: the mean over rows of `ktrdr.labels.uniqueness`."""
    mean_run_length: float | None
    """Mean number of successive rows with the same label; None where labels are returns."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def label_statistics(labels: pd.DataFrame, index: pd.DatetimeIndex, labeler: Labeler) -> LabelStatistics:
    """Return what the labels of one series are like.

    Parameters
    ----------
    labels
        What `labeler` says of the series, or some rows of it.
    index
        Opens of all bars of the series.
    labeler
        Says what the labels stand for.

    Raises
    ------
    NoRows
        If there are no labels.
    """
    if labels.empty:
        raise NoRows(f"labels by {labeler.source}", labeler.why_none, "training.labels", labeler.advice)
    row, known = life_bounds(labels["known_at"], index)
    life = known - row
    label, is_regression = labels["label"].to_numpy(), labeler.is_regression
    return LabelStatistics(
        rows=len(labels),
        shares=None if is_regression else _shares(label, labeler.class_names),
        returns=_return_statistics(label) if is_regression else None,
        mean_life_bars=float(life.mean()),
        median_life_bars=float(np.median(life)),
        max_life_bars=int(life.max()),
        mean_uniqueness=float(uniqueness(labels["known_at"], index).mean()),
        mean_run_length=None if is_regression else len(label) / (1 + np.count_nonzero(np.diff(label))),
    )


def _shares(codes: IntArray, class_names: tuple[str, ...]) -> dict[str, float]:
    counts = np.bincount(codes, minlength=len(class_names)).tolist()
    return {name: count / len(codes) for name, count in zip(class_names, counts, strict=True)}


def _return_statistics(returns: FloatArray) -> ReturnStatistics:
    levels = np.quantile(returns, QUANTILES).tolist()
    quantiles = {f"{share:g}": level for share, level in zip(QUANTILES, levels, strict=True)}
    return ReturnStatistics(float(returns.mean()), float(returns.std()), quantiles)
