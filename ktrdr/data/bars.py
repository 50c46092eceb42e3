"""Bars, and the conventions of time that all of the project keeps.

A bar is stamped by its open, in UTC, and known at its close. Rows are keyed by (symbol, open time) from loading to
the end. A `1d` bar closes 24 h after its open, an intraday bar after its own duration; a `1w` bar opens Monday 00:00
and closes Saturday 00:00, or the next Monday 00:00 where the symbol trades on weekends (`ktrdr.data.closes`).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import AfterValidator

from ktrdr.errors import BadBars

Bars: TypeAlias = pd.DataFrame
"""(n_bars, 5) float64 columns `COLUMNS`; index: a UTC DatetimeIndex named "time" of bar opens, ascending and unique."""

SYMBOL = re.compile(r"[A-Za-z0-9^][A-Za-z0-9_.^=/-]{0,63}")
"""What names an instrument."""


def _is_a_symbol(text: str) -> str:
    if not SYMBOL.fullmatch(text):
        raise ValueError(f"{text!r} is not a symbol: it must match {SYMBOL.pattern}")
    return text


Symbol = Annotated[str, AfterValidator(_is_a_symbol)]
"""A field that names an instrument."""

COLUMNS = ("open", "high", "low", "close", "volume")


class Timeframe(StrEnum):
    """The lengths of bars there are."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"
    W1 = "1w"

    @property
    def duration(self) -> pd.Timedelta:
        """From a bar's open to its close; a week's to Saturday, see `ktrdr.data.closes`."""
        return _DURATIONS[self]


_DURATIONS = {
    Timeframe.M1: pd.Timedelta(minutes=1),
    Timeframe.M5: pd.Timedelta(minutes=5),
    Timeframe.M15: pd.Timedelta(minutes=15),
    Timeframe.M30: pd.Timedelta(minutes=30),
    Timeframe.H1: pd.Timedelta(hours=1),
    Timeframe.H4: pd.Timedelta(hours=4),
    Timeframe.D1: pd.Timedelta(days=1),
    Timeframe.W1: pd.Timedelta(days=5),
}


class SeriesKey(NamedTuple):
    """Names one stored series."""

    symbol: str
    timeframe: str

    def __str__(self) -> str:
        return f"{self.symbol} {self.timeframe}"


BAD_PRICE = "has a price that is missing, not finite or not positive"
HIGH_BELOW_LOW = "has its high below its low"
OUTSIDE_RANGE = "opens or closes outside its own range"
BAD_VOLUME = "has a volume that is missing, not finite or negative"

_UTC_NAMES = frozenset({"UTC", "UCT", "Universal", "Zulu", "tzutc()"})
"""What time zones that are UTC call themselves, `Etc/` before it or not."""


def check_bars(bars: Bars, series: str, *, timeframe: str | None = None, advice: str = "Correct the bars.") -> None:
    """Refuse bars that break the conventions above. Columns of any number type will do.

    Parameters
    ----------
    bars, series
        The bars, and what they are called in the error.
    timeframe
        Where given, bars are judged by it too: those of a week open on Monday.
    advice
        What the error says can be done.

    Raises
    ------
    BadBars
        Naming the column at fault: missing, there twice, not numbers; or the first bar at fault: order, duplicates,
        time zone, prices that are not finite or not positive, high below low, open or close outside [low, high],
        volume that is missing, not finite or negative.
    """
    _check_columns(bars, series, advice)
    _check_times(bars.index, series, timeframe, advice)
    by_reason: dict[str, npt.NDArray[np.bool_]] = {}
    for reason, _, is_wrong in bar_faults(bars[list(COLUMNS)].to_numpy(dtype=np.float64, na_value=np.nan)):
        by_reason[reason] = by_reason[reason] | is_wrong if reason in by_reason else is_wrong
    for reason, is_wrong in by_reason.items():
        if is_wrong.any():
            raise BadBars(series, f"bar {bars.index[int(np.argmax(is_wrong))]} {reason}", advice)


class Fault(NamedTuple):
    """One way in which a bar can be wrong, the column that shows it, and (n_bars,) which bars are."""

    reason: str
    column: str
    is_wrong: npt.NDArray[np.bool_]


def bar_faults(values: npt.NDArray[np.float64]) -> list[Fault]:
    """Return every way in which bars can be wrong, and which are.

    Parameters
    ----------
    values
        (n_bars, 5), the columns in the order of `COLUMNS`; what is missing is NaN. A price that is none, and a high
        below the low, break that rule only: nothing is compared with them.
    """
    opened, high, low, close, volume = values.T
    prices = [
        Fault(BAD_PRICE, name, ~(np.isfinite(column) & (column > 0)))
        for name, column in zip(COLUMNS[:4], values.T[:4], strict=True)
    ]
    in_open, in_high, in_low, in_close = (~price.is_wrong for price in prices)
    has_range = in_high & in_low & (high >= low)
    ranges = [
        Fault(HIGH_BELOW_LOW, "high", in_high & in_low & (high < low)),
        Fault(OUTSIDE_RANGE, "open", has_range & in_open & ((opened > high) | (opened < low))),
        Fault(OUTSIDE_RANGE, "close", has_range & in_close & ((close > high) | (close < low))),
    ]
    return [*prices, *ranges, Fault(BAD_VOLUME, "volume", ~((volume >= 0) & np.isfinite(volume)))]


def opens_a_week(index: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
    """Return which of the times are a Monday's 00:00."""
    return np.asarray((index.day_of_week == 0) & (index == index.normalize()))


def _check_columns(bars: Bars, series: str, advice: str) -> None:
    missing = [column for column in COLUMNS if column not in bars.columns]
    if missing:
        raise BadBars(series, f"has no column {', '.join(missing)}", advice)
    for column in COLUMNS:
        kinds = [str(kind) for name, kind in bars.dtypes.items() if name == column]
        if len(kinds) > 1:
            raise BadBars(series, f"has the column {column} more than once", advice)
        if bars[column].dtype.kind not in "iuf":
            raise BadBars(series, f"column {column} is {kinds[0]}, not numbers", advice)


def _check_times(index: pd.Index, series: str, timeframe: str | None, advice: str) -> None:
    if not isinstance(index, pd.DatetimeIndex) or str(index.tz).removeprefix("Etc/") not in _UTC_NAMES:
        raise BadBars(series, "is not indexed by UTC times", advice)
    if index.hasnans:
        raise BadBars(series, f"bar number {int(np.argmax(index.isna())) + 1} has no time", advice)
    if not index.is_monotonic_increasing or not index.is_unique:
        at = int(np.flatnonzero(np.diff(index.asi8) <= 0)[0]) + 1
        raise BadBars(series, f"bar {index[at]} does not come after the one before it", advice)
    is_elsewhere = ~opens_a_week(index)
    if timeframe == Timeframe.W1 and is_elsewhere.any():
        raise BadBars(series, f"bar {index[int(np.argmax(is_elsewhere))]} does not open on a Monday at 00:00", advice)
