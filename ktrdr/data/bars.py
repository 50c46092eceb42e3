"""Bars, and the conventions of time that all of the project keeps.

A bar is stamped by its open, in UTC, and known at its close. Rows are keyed by (symbol, open time) from loading to
the end. A `1d` bar closes 24 h after its open, an intraday bar after its own duration; a `1w` bar opens Monday 00:00
and closes Saturday 00:00.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from ktrdr.errors import BadBars

Bars: TypeAlias = pd.DataFrame
"""(n_bars, 5) float64 columns `COLUMNS`; index: a UTC DatetimeIndex named "time" of bar opens, ascending and unique."""

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
        """From a bar's open to its close."""
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


def check_bars(bars: Bars, series: str) -> None:
    """Refuse bars that break the conventions above.

    Raises
    ------
    BadBars
        Naming the first bar at fault: order, duplicates, time zone, missing columns, prices that are not finite or
        not positive, high below low, open or close outside [low, high], volume that is missing, not
        finite or negative.
    """
    advice = "Correct the file and import it again."
    missing = [column for column in COLUMNS if column not in bars.columns]
    if missing:
        raise BadBars(series, f"has no column {', '.join(missing)}", advice)
    index = bars.index
    if not isinstance(index, pd.DatetimeIndex) or str(index.tz) != "UTC":
        raise BadBars(series, "is not indexed by UTC times", advice)
    if index.hasnans:
        raise BadBars(series, f"bar number {int(np.argmax(index.isna())) + 1} has no time", advice)
    if not index.is_monotonic_increasing or not index.is_unique:
        at = int(np.flatnonzero(np.diff(index.asi8) <= 0)[0]) + 1
        raise BadBars(series, f"bar {index[at]} does not come after the one before it", advice)
    prices, volume = bars[list(COLUMNS[:4])].to_numpy(), bars["volume"].to_numpy()
    faults = {
        "has a price that is missing, not finite or not positive": ~(np.isfinite(prices) & (prices > 0)).all(axis=1),
        "has its high below its low": prices[:, 1] < prices[:, 2],
        "opens or closes outside its own range": (prices[:, [0, 3]] > prices[:, [1]]).any(axis=1)
        | (prices[:, [0, 3]] < prices[:, [2]]).any(axis=1),
        "has a volume that is missing, not finite or negative": ~((volume >= 0) & np.isfinite(volume)),
    }
    for reason, is_wrong in faults.items():
        if is_wrong.any():
            raise BadBars(series, f"bar {index[int(np.argmax(is_wrong))]} {reason}", advice)
