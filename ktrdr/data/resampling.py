"""Slower bars made of faster ones, none of which closes after the bar that it is part of."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pandas as pd

from ktrdr.data.bars import COLUMNS, Bars, Timeframe
from ktrdr.data.closes import SATURDAY, close_times
from ktrdr.errors import BadBars


def slowest_faster(timeframe: str, stored: Collection[str]) -> str | None:
    """Return the slowest of the `stored` timeframes that is faster than `timeframe`, if there is one."""
    faster = list(Timeframe)[: list(Timeframe).index(Timeframe(timeframe))]
    return next((name.value for name in reversed(faster) if name in stored), None)


def resample(
    bars: Bars, source_timeframe: str, timeframe: str, trades_weekends: bool = False, series: str = "bars"
) -> Bars:
    """Return the slower bars: open of the first, highest high, lowest low, close of the last, sum of the volumes.

    A slower bar is stamped by its own open: intraday ones at whole multiples of their duration since midnight UTC, days
    at 00:00, weeks on Monday at 00:00. One without a bar in it does not exist. The first is left out where `bars`
    begin after its open, the last where they end before its close: neither is known whole.

    A bar belongs to the slower bar in which it opens. Where the symbol does not trade on weekends its week is over on
    Saturday 00:00, so what opens on Saturday or Sunday (currencies on Sunday evening) begins the week that follows.

    Parameters
    ----------
    bars, source_timeframe
        Bars that `check_bars` accepts, and their timeframe.
    timeframe
        A slower one.
    trades_weekends
        Of the symbol; see `ktrdr.data.closes`.
    series
        What the bars are called in the error.

    Raises
    ------
    BadBars
        If a bar closes after the slower bar in which it opens: in it, it would be known before it is.
    """
    opens = _slower_opens(bars.index, timeframe, trades_weekends)
    closes = close_times(bars.index, source_timeframe, trades_weekends)
    slower_closes = close_times(opens, timeframe, trades_weekends)
    is_across = closes > slower_closes
    if is_across.any():
        at = int(np.argmax(is_across))
        reason = f"bar {bars.index[at]} closes after the {timeframe} bar in which it opens, at {closes[at]}"
        raise BadBars(series, reason, f"Import the {timeframe} bars themselves.")
    if bars.empty:
        return bars.copy()
    starts = np.flatnonzero(np.r_[True, opens[1:] != opens[:-1]])
    slower = _aggregate(bars, starts).set_axis(opens[starts].rename("time"))
    first = int(bars.index[0] > opens[0])
    stop = len(slower) - int(closes[-1] < slower_closes[-1])
    return slower.iloc[first : max(first, stop)]


def _slower_opens(index: pd.DatetimeIndex, timeframe: str, trades_weekends: bool) -> pd.DatetimeIndex:
    if timeframe != Timeframe.W1:
        return index.floor(Timeframe(timeframe).duration)
    weekday = np.asarray(index.day_of_week)
    n_days = weekday if trades_weekends else np.where(weekday >= SATURDAY, weekday - 7, weekday)
    return index.normalize() - pd.to_timedelta(n_days, unit="D").as_unit(index.unit)


def _aggregate(bars: Bars, starts: npt.NDArray[np.intp]) -> pd.DataFrame:
    values = {name: bars[name].to_numpy(dtype=np.float64) for name in COLUMNS}
    last = np.r_[starts[1:], len(bars)] - 1
    return pd.DataFrame(
        {
            "open": values["open"][starts],
            "high": np.maximum.reduceat(values["high"], starts),
            "low": np.minimum.reduceat(values["low"], starts),
            "close": values["close"][last],
            "volume": np.add.reduceat(values["volume"], starts),
        }
    )
