"""Bars that are missing, and bars of days on which the exchange was closed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ktrdr.data.bars import Timeframe
from ktrdr.data.calendars import Sessions
from ktrdr.data.findings import Finding, finding, runs

_WEEK = pd.Timedelta(days=7)


def find_gaps(opens: pd.DatetimeIndex, timeframe: str, sessions: Sessions) -> list[Finding]:
    """Return the missing and the extra bars of a series, between its own first and last bar.

    A `1d` bar belongs to the session that closes within its 24 hours, wherever in the day it is stamped; a `1w` bar to
    all that close within its seven days. Of an intraday series trading time is missing that no bar covers, be its bars
    stamped at full hours or from the opening of the exchange on.

    Parameters
    ----------
    opens
        Ascending and unique, UTC.
    timeframe, sessions
        Of the series, and of its exchange. What lies before or after the calendar's history is not judged.
    """
    is_known = (opens >= sessions.first) & (opens < sessions.last)
    judged = opens[is_known]
    found = [] if is_known.all() else [_not_judged(opens[~is_known], sessions)]
    if judged.empty:
        return found
    if timeframe in (Timeframe.D1, Timeframe.W1):
        return found + _of_sessions(judged, timeframe, sessions)
    return found + _of_trading_time(judged, timeframe, sessions)


def _not_judged(opens: pd.DatetimeIndex, sessions: Sessions) -> Finding:
    message = f"{len(opens)} bars lie outside the history of the calendar {sessions.name} and were not compared with it"
    return finding("not_checked", "note", opens, message)


def _of_sessions(opens: pd.DatetimeIndex, timeframe: str, sessions: Sessions) -> list[Finding]:
    length = _WEEK if timeframe == Timeframe.W1 else Timeframe(timeframe).duration
    belongs = sessions.closed_in(opens, opens + length)
    is_extra = np.asarray(belongs["first"] == belongs["stop"])
    found = [
        finding("extra", "warning", opens[a:b], f"{_n_bars(b - a)} without a session of {sessions.name}")
        for a, b in runs(is_extra)
    ]
    if is_extra.all():
        return found
    has_bar = np.zeros(len(sessions.dates) + 1, dtype=np.int64)
    np.add.at(has_bar, belongs["first"], 1)
    np.add.at(has_bar, belongs["stop"], -1)
    first, stop = belongs["first"][~is_extra].min(), belongs["stop"][~is_extra].max()
    is_missing = np.cumsum(has_bar)[first:stop] == 0
    dates = sessions.dates[first:stop]
    for a, b in runs(is_missing):
        missing = dates[a:b]
        if timeframe == Timeframe.W1:
            missing = (missing - pd.to_timedelta(missing.day_of_week, unit="D")).unique()
        noun = "week" if timeframe == Timeframe.W1 else "session"
        message = f"{_n(len(missing), noun)} of {sessions.name} without a bar"
        found.append(finding("missing", "warning", missing, message))
    return found


def _of_trading_time(opens: pd.DatetimeIndex, timeframe: str, sessions: Sessions) -> list[Finding]:
    length = Timeframe(timeframe).duration
    is_extra = ~_is_trading(opens, length, sessions) & ~_is_session_date(opens, sessions)
    found = [
        finding("extra", "warning", opens[a:b], f"{_n_bars(b - a)} on days without a session of {sessions.name}")
        for a, b in runs(is_extra)
    ]
    for at in np.flatnonzero(np.asarray(opens[1:] - opens[:-1] > length)):
        begins, ends = _trading_between(opens[at] + length, opens[at + 1], sessions)
        if len(begins):
            n_missing = int(np.ceil(np.asarray((ends - begins) / length)).sum())
            times = pd.DatetimeIndex([begins[0], max(begins[-1], ends[-1] - length)])
            message = f"{_n_bars(n_missing)} missing while {sessions.name} traded"
            found.append(finding("missing", "warning", times, message, n_missing))
    return found


def _is_trading(opens: pd.DatetimeIndex, length: pd.Timedelta, sessions: Sessions) -> npt.NDArray[np.bool_]:
    """Return which bars overlap trading: of the periods that begin before a bar ends, the last ends after it begins."""
    last_begun = np.asarray(sessions.period_opens.searchsorted(opens + length, side="left")) - 1
    is_trading: npt.NDArray[np.bool_] = np.asarray(sessions.period_closes[np.maximum(last_begun, 0)] > opens)
    return is_trading & (last_begun >= 0)


def _is_session_date(opens: pd.DatetimeIndex, sessions: Sessions) -> npt.NDArray[np.bool_]:
    local_dates = opens.tz_convert(sessions.zone).tz_localize(None).normalize().tz_localize("UTC")
    return np.asarray(local_dates.isin(sessions.dates))


def _trading_between(
    start: pd.Timestamp, stop: pd.Timestamp, sessions: Sessions
) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """Return when trading begins and ends between two times, each period cut to lie between them."""
    first = sessions.period_closes.searchsorted(start, side="right")
    after = max(first, sessions.period_opens.searchsorted(stop, side="left"))
    begins, ends = sessions.period_opens[first:after], sessions.period_closes[first:after]
    return begins.where(begins > start, start), ends.where(ends < stop, stop)


def _n_bars(n: int) -> str:
    return _n(n, "bar")


def _n(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("s" if n != 1 else "")
