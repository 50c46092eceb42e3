"""When bars close, and whether a symbol trades on weekends, which decides when its weeks do."""

from __future__ import annotations

import pandas as pd

from ktrdr.data.bars import Timeframe

SATURDAY = 5
"""As `DatetimeIndex.day_of_week` counts."""

_WEEK_WITH_WEEKEND = pd.Timedelta(days=7)


def close_times(index: pd.DatetimeIndex, timeframe: str, trades_weekends: bool = False) -> pd.DatetimeIndex:
    """Return the time at which each bar is known, in the order of `index`.

    Parameters
    ----------
    index
        The bars' opens, UTC.
    timeframe
        One of `Timeframe`.
    trades_weekends
        Whether the symbol trades on weekends: its `1w` bars close on the next Monday 00:00, others' on Saturday 00:00.
    """
    if timeframe == Timeframe.W1 and trades_weekends:
        return index + _WEEK_WITH_WEEKEND
    return index + Timeframe(timeframe).duration


def shows_weekend_trading(index: pd.DatetimeIndex, timeframe: str) -> bool | None:
    """Return whether a bar opens on a Saturday (UTC); None for weekly bars, which cannot tell.

    Not on a Sunday: currencies and futures open on Sunday evening and some exchanges on Sunday morning, and for both
    that begins the week that follows, whose bar is complete by Saturday 00:00.
    """
    return None if timeframe == Timeframe.W1 else bool((index.day_of_week == SATURDAY).any())
