"""Which rows train, validate and test: chronological, for each symbol apart, purged of labels that look across."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ktrdr.data.bars import Bars
from ktrdr.errors import NoRows, NotEnoughBars, OneClassLabels
from ktrdr.results import RowAccount
from ktrdr.strategy.schema import DataSplit

UNKNOWN_CLASS = -1
"""Stands where no label is known yet."""

PARTS = {"train": "training", "validation": "validation", "test": "test"}
"""The share of `data_split` that draws each part, and what the part is called."""

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


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
class Part:
    """Rows of one part, symbol after symbol, in time order within a symbol."""

    X: npt.NDArray[np.float32]
    """(n_rows, n_features)."""
    y: IntArray
    """(n_rows,) class codes."""
    index: pd.MultiIndex
    """(symbol, bar open) of each row."""
    known_at: pd.DatetimeIndex
    """The bar whose close made the label known."""
    last_sign: IntArray
    """(n_rows,) -1, 0 or 1: the sign of the row's own close-to-close return."""
    last_known_y: IntArray
    """(n_rows,) the label of the symbol's newest row that is known by the row's own time, else `UNKNOWN_CLASS`."""

    def __len__(self) -> int:
        return len(self.y)

    def rows_of(self, symbol: str) -> BoolArray:
        """Return which rows are the symbol's."""
        return np.asarray(self.index.get_level_values("symbol") == symbol)

    def select(self, chosen: BoolArray) -> Part:
        """Return the chosen rows."""
        return Part(
            np.ascontiguousarray(self.X[chosen]),
            self.y[chosen],
            self.index[chosen],
            self.known_at[chosen],
            self.last_sign[chosen],
            self.last_known_y[chosen],
        )


@dataclass(frozen=True)
class Dataset:
    """The three parts, and what became of every bar."""

    train: Part
    validation: Part
    test: Part
    rows: dict[str, RowAccount]
    """For each symbol."""

    @property
    def total(self) -> RowAccount:
        """The account over all symbols."""
        accounts = [account.model_dump() for account in self.rows.values()]
        return RowAccount(**{field: sum(account[field] for account in accounts) for field in RowAccount.model_fields})

    @property
    def index(self) -> pd.MultiIndex:
        """(symbol, bar open) of the rows of all parts, part after part."""
        return self.train.index.append([self.validation.index, self.test.index])

    def label_shares(self, class_names: Sequence[str]) -> dict[str, float]:
        """Return the share of each class among the rows of all parts."""
        y = np.concatenate([self.train.y, self.validation.y, self.test.y])
        counts = np.bincount(y, minlength=len(class_names))
        return {name: int(count) / len(y) for name, count in zip(class_names, counts, strict=True)}


def draw_split(
    features: pd.DataFrame, labels: Mapping[str, pd.DataFrame], data_split: DataSplit, base: Mapping[str, BaseBars]
) -> Dataset:
    """Split every symbol's rows in time order and lay the symbols' parts end to end.

    n rows have features and a label. Rows floor(n train + 1e-9) and floor(n (train + validation) + 1e-9) start the
    next parts. A row whose label becomes known at or after the next part's first row is purged; of the rows left, those
    on the last `embargo_bars` bars are dropped too.

    Parameters
    ----------
    features
        Indexed by (symbol, time), without NaN.
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
        symbol: _split_symbol(symbol, _rows_of(symbol, features, labels[symbol], bars), data_split)
        for symbol, bars in base.items()
    }
    train, validation, test = (_concatenate([parts[number] for parts, _ in drawn.values()]) for number in range(3))
    return Dataset(train, validation, test, {symbol: account for symbol, (_, account) in drawn.items()})


def check_classes(y: IntArray, part: str, class_names: Sequence[str], labeler: str) -> None:
    """Refuse labels that are all of one class.

    Raises
    ------
    OneClassLabels
        Naming the part, the class and the labeler.
    """
    present = np.unique(y)
    if len(present) == 1:
        raise OneClassLabels(part, class_names[int(present[0])], len(y), labeler)


@dataclass(frozen=True)
class _Rows:
    """One symbol's rows: bars of the date range with features and a label."""

    part: Part
    bar_number: IntArray
    """Where each row stands among the symbol's bars."""
    n_loaded: int
    n_warmup: int


def _rows_of(symbol: str, features: pd.DataFrame, labels: pd.DataFrame, base: BaseBars) -> _Rows:
    of_symbol = features[features.index.get_level_values("symbol") == symbol].droplevel("symbol")
    usable = base.bars.index[base.n_lookback + base.n_used_up :]
    with_features = of_symbol.index[of_symbol.index.isin(usable)]
    if with_features.empty:
        raise _all_warmup(symbol, base)
    times = with_features[with_features.isin(labels.index)]
    labelled = labels.loc[times]
    known_at = pd.DatetimeIndex(labelled["known_at"])
    y = labelled["label"].to_numpy(dtype=np.int64)
    bar_number = base.bars.index.get_indexer(times).astype(np.int64)
    part = Part(
        X=np.ascontiguousarray(of_symbol.loc[times].to_numpy(dtype=np.float32)),
        y=y,
        index=pd.MultiIndex.from_product([[symbol], times], names=["symbol", "time"]),
        known_at=known_at,
        last_sign=_signs(base.bars)[bar_number],
        last_known_y=_last_known(_nanoseconds(times), _nanoseconds(known_at), y),
    )
    return _Rows(part, bar_number, base.n_loaded, base.n_loaded - len(with_features))


def _all_warmup(symbol: str, base: BaseBars) -> NotEnoughBars | NoRows:
    n_before = base.n_lookback + base.n_used_up
    needed = max(base.n_warmup, n_before) + 1
    if len(base.bars) < needed:
        is_history = base.n_used_up > 0 and n_before >= base.n_warmup
        path = "training_data.history_required" if is_history else "indicators"
        advice = f"Widen the date range, or {'lower history_required' if is_history else 'shorten the periods'}."
        return NotEnoughBars(needed, len(base.bars), f"The warm-up of {symbol}", path, advice)
    reason = "on every bar after the warm-up an indicator has no value"
    return NoRows(symbol, reason, "indicators", "Use indicators that have a value on these bars.")


def _signs(bars: Bars) -> IntArray:
    close = bars["close"].to_numpy()
    signs: IntArray = np.sign(np.diff(close, prepend=close[:1])).astype(np.int64)
    return signs


def _last_known(time: IntArray, known_at: IntArray, y: IntArray) -> IntArray:
    """Return for each row the label of the newest row whose `known_at` is not after the row's own time."""
    order = np.argsort(known_at, kind="stable")
    newest = np.maximum.accumulate(order) if len(order) else order
    n_known = np.searchsorted(known_at[order], time, side="right")
    return np.asarray(np.where(n_known > 0, y[newest[np.maximum(n_known, 1) - 1]], UNKNOWN_CLASS))


def _nanoseconds(times: pd.DatetimeIndex) -> IntArray:
    # bars and labels may carry different resolutions; their integers are compared
    return np.asarray(times.as_unit("ns").asi8, dtype=np.int64)


def _split_symbol(symbol: str, rows: _Rows, split: DataSplit) -> tuple[tuple[Part, Part, Part], RowAccount]:
    n = len(rows.part)
    # 1e-9 forgives shares such as 0.7 + 0.15, whose sum falls short of 0.85
    starts = (0, math.floor(n * split.train + 1e-9), math.floor(n * (split.train + split.validation) + 1e-9), n)
    time = _nanoseconds(pd.DatetimeIndex(rows.part.index.get_level_values("time")))
    known_at = _nanoseconds(rows.part.known_at)
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
    train, validation, test = (rows.part.select(is_kept) for is_kept in kept)
    account = RowAccount(
        rows_loaded=rows.n_loaded,
        rows_warmup=rows.n_warmup,
        rows_unlabelled=rows.n_loaded - rows.n_warmup - n,
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
    return np.asarray(bar_number <= bar_number[is_unpurged][-1] - embargo_bars)


def _concatenate(parts: Sequence[Part]) -> Part:
    first, *others = parts
    return Part(
        np.concatenate([part.X for part in parts]),
        np.concatenate([part.y for part in parts]),
        first.index.append([part.index for part in others]),
        first.known_at.append([part.known_at for part in others]),
        np.concatenate([part.last_sign for part in parts]),
        np.concatenate([part.last_known_y for part in parts]),
    )
