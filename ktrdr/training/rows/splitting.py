"""Which rows train, validate and test: chronological, for each symbol apart, purged of labels that look across."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ktrdr.data.bars import Bars
from ktrdr.errors import NoRows, NotEnoughBars, OneClassLabels
from ktrdr.results import RowAccount
from ktrdr.strategy.training import DataSplit

UNKNOWN_CLASS = -1
"""Stands where no class is known yet; where labels are returns, NaN does."""

PARTS = {"train": "training", "validation": "validation", "test": "test"}
"""The share of `data_split` that draws each part, and what the part is called."""

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
LabelArray = npt.NDArray[Any]
"""(n_rows,): class codes (int64), or returns (float64)."""


@dataclass(frozen=True)
class BaseBars:
    """One symbol's bars of the base timeframe.

    `bars[n_lookback:]` are those of the date range, the only ones that can be rows. Of them the first `n_used_up` serve
    as history and count as warm-up. No bar before `bars[n_warmup]` can have features.
    """

    bars: Bars
    n_lookback: int = 0
    n_used_up: int = 0
    n_warmup: int = 0

    @property
    def n_loaded(self) -> int:
        """Number of bars in the date range."""
        return len(self.bars) - self.n_lookback


@dataclass(frozen=True)
class Rows:
    """Some rows of one symbol, in time order: all that is known of them but their features."""

    bar_number: IntArray
    """(n_rows,) where each stands among the symbol's bars."""
    index: pd.MultiIndex
    """(symbol, bar open) of each row."""
    y: LabelArray
    known_at: pd.DatetimeIndex
    """The bar whose close made the label known."""
    last_sign: IntArray
    """(n_rows,) -1, 0 or 1: the sign of the row's own close-to-close return."""
    last_known_y: LabelArray
    """(n_rows,) the label of the symbol's newest row that is known by the row's own time, else unknown."""

    def __len__(self) -> int:
        return len(self.y)

    def select(self, chosen: BoolArray) -> Rows:
        """Return the chosen rows."""
        return Rows(
            self.bar_number[chosen],
            self.index[chosen],
            self.y[chosen],
            self.known_at[chosen],
            self.last_sign[chosen],
            self.last_known_y[chosen],
        )


@dataclass(frozen=True)
class Draw:
    """Every symbol's rows by part, and what became of its bars."""

    train: dict[str, Rows]
    validation: dict[str, Rows]
    test: dict[str, Rows]
    accounts: dict[str, RowAccount]


def draw_split(
    complete: Mapping[str, BoolArray],
    labels: Mapping[str, pd.DataFrame],
    data_split: DataSplit,
    base: Mapping[str, BaseBars],
) -> Draw:
    """Split every symbol's rows in time order.

    n rows have features and a label. Rows floor(n train + 1e-9) and floor(n (train + validation) + 1e-9) start the
    next parts. A row whose label becomes known at or after the next part's first row is purged; of the rows left, those
    on the last `embargo_bars` bars are dropped too.

    Parameters
    ----------
    complete
        For each symbol, which of its bars have all that the network reads.
    labels
        For each symbol, columns `label` and `known_at`, indexed by bar.
    data_split
        The shares.
    base
        For each symbol, in the order in which they are laid out, the bars that rows can come from.

    Raises
    ------
    NotEnoughBars
        If a symbol's bars are all warm-up.
    NoRows
        If no bar of a symbol has every feature and a label, or one of its parts is left without rows.
    """
    drawn = {
        symbol: _split_symbol(symbol, _candidates(symbol, complete[symbol], labels[symbol], bars), data_split)
        for symbol, bars in base.items()
    }
    train, validation, test = ({symbol: parts[number] for symbol, (parts, _) in drawn.items()} for number in range(3))
    return Draw(train, validation, test, {symbol: account for symbol, (_, account) in drawn.items()})


def check_classes(y: LabelArray, part: str, class_names: Sequence[str], labeler: str) -> None:
    """Refuse labels that are all one.

    Raises
    ------
    OneClassLabels
        Naming the part, the class and the labeler.
    """
    present = np.unique(y)
    if len(present) == 1:
        only = f"return {present[0]:g}" if y.dtype.kind == "f" else class_names[int(present[0])]
        raise OneClassLabels(part, only, len(y), labeler)


@dataclass(frozen=True)
class _Candidates:
    """One symbol's rows before the split: bars of the date range with features and a label."""

    rows: Rows
    n_loaded: int
    n_warmup: int


def _candidates(symbol: str, complete: BoolArray, labels: pd.DataFrame, base: BaseBars) -> _Candidates:
    usable = complete.copy()
    usable[: base.n_lookback + base.n_used_up] = False
    if not usable.any():
        raise _all_warmup(symbol, base)
    bar_number = np.flatnonzero(usable & np.asarray(base.bars.index.isin(labels.index))).astype(np.int64)
    times = base.bars.index[bar_number]
    labelled = labels.loc[times]
    known_at = pd.DatetimeIndex(labelled["known_at"])
    y = labelled["label"].to_numpy()
    rows = Rows(
        bar_number=bar_number,
        index=pd.MultiIndex.from_product([[symbol], times], names=["symbol", "time"]),
        y=y,
        known_at=known_at,
        last_sign=_signs(base.bars)[bar_number],
        last_known_y=_last_known(_nanoseconds(times), _nanoseconds(known_at), y),
    )
    return _Candidates(rows, base.n_loaded, base.n_loaded - int(usable.sum()))


def _all_warmup(symbol: str, base: BaseBars) -> NotEnoughBars | NoRows:
    n_before = base.n_lookback + base.n_used_up
    needed = max(base.n_warmup, n_before) + 1
    if len(base.bars) < needed:
        is_history = base.n_used_up > 0 and n_before >= base.n_warmup
        path = "training_data.history_required" if is_history else "indicators"
        advice = f"Widen the date range, or {'lower history_required' if is_history else 'shorten the periods'}."
        return NotEnoughBars(needed, len(base.bars), f"The warm-up of {symbol}", path, advice)
    reason = "on every bar after the warm-up an input has no value"
    return NoRows(symbol, reason, "indicators", "Use indicators that have a value on these bars.")


def _signs(bars: Bars) -> IntArray:
    close = bars["close"].to_numpy()
    signs: IntArray = np.sign(np.diff(close, prepend=close[:1])).astype(np.int64)
    return signs


def _last_known(time: IntArray, known_at: IntArray, y: LabelArray) -> LabelArray:
    """Return for each row the label of the newest row whose `known_at` is not after the row's own time."""
    unknown = np.nan if y.dtype.kind == "f" else UNKNOWN_CLASS
    order = np.argsort(known_at, kind="stable")
    newest = np.maximum.accumulate(order) if len(order) else order
    n_known = np.searchsorted(known_at[order], time, side="right")
    return np.asarray(np.where(n_known > 0, y[newest[np.maximum(n_known, 1) - 1]], unknown))


def _nanoseconds(times: pd.DatetimeIndex) -> IntArray:
    # bars and labels may carry different resolutions; their integers are compared
    return np.asarray(times.as_unit("ns").asi8, dtype=np.int64)


def _split_symbol(symbol: str, candidates: _Candidates, split: DataSplit) -> tuple[tuple[Rows, Rows, Rows], RowAccount]:
    rows, n = candidates.rows, len(candidates.rows)
    # 1e-9 forgives shares such as 0.7 + 0.15, whose sum falls short of 0.85
    starts = (0, math.floor(n * split.train + 1e-9), math.floor(n * (split.train + split.validation) + 1e-9), n)
    time = _nanoseconds(pd.DatetimeIndex(rows.index.get_level_values("time")))
    known_at = _nanoseconds(rows.known_at)
    kept: list[BoolArray] = []
    n_purged = n_embargoed = 0
    for share, (start, stop) in zip(PARTS, itertools.pairwise(starts), strict=True):
        number = np.arange(n)
        is_drawn = (number >= start) & (number < stop)
        is_unpurged = is_drawn & (known_at < time[stop]) if stop < n else is_drawn
        is_kept = is_unpurged & _outside_embargo(is_unpurged, rows.bar_number, split.embargo_bars if stop < n else 0)
        n_purged += int(is_drawn.sum() - is_unpurged.sum())
        n_embargoed += int(is_unpurged.sum() - is_kept.sum())
        kept.append(is_kept)
        if not is_kept.any():
            raise _empty_part(symbol, share, split, n, (int(is_drawn.sum()), int(is_unpurged.sum())))
    train, validation, test = (rows.select(is_kept) for is_kept in kept)
    account = RowAccount(
        rows_loaded=candidates.n_loaded,
        rows_warmup=candidates.n_warmup,
        rows_unlabelled=candidates.n_loaded - candidates.n_warmup - n,
        rows_purged=n_purged,
        rows_embargoed=n_embargoed,
        rows_train=len(train),
        rows_validation=len(validation),
        rows_test=len(test),
    )
    return (train, validation, test), account


def _empty_part(symbol: str, share: str, split: DataSplit, n_rows: int, left: tuple[int, int]) -> NoRows:
    """Return what emptied a part: of a symbol's `n_rows` its share drew `left[0]`; `left[1]` were not purged."""
    n_drawn, n_unpurged = left
    path = f"training.data_split.{share}"
    what = f"{getattr(split, share):.4g} of {n_rows} rows with features and a label"
    advice = f"Raise the share {share}, or widen the date range."
    if n_rows == 0:
        path, advice = "training.labels", "Widen the date range, or change the labels or the periods of indicators."
        reason = "no bar has both features and a label"
    elif n_drawn == 0:
        reason = f"{what} is less than one"
    elif n_unpurged == 0:
        advice = f"Raise the share {share}, widen the date range, or choose labels that are known sooner."
        reason = f"all {n_drawn} ({what}) are purged, because their labels become known in the next part"
    else:
        path, advice = "training.data_split.embargo_bars", f"Lower embargo_bars, or raise the share {share}."
        purged = f" and {n_drawn - n_unpurged} are purged" if n_unpurged < n_drawn else ""
        reason = f"of {n_drawn} ({what}) the embargo of {split.embargo_bars} bars drops {n_unpurged}{purged}"
    return NoRows(f"The {PARTS[share]} part of {symbol}", reason, path, advice)


def _outside_embargo(is_unpurged: BoolArray, bar_number: IntArray, embargo_bars: int) -> BoolArray:
    """Return which rows lie before the last `embargo_bars` bars up to the last row left."""
    if not is_unpurged.any():
        return is_unpurged
    last = bar_number[is_unpurged][-1]
    return np.asarray(bar_number <= last - min(embargo_bars, last + 1))  # a longer one drops no more
