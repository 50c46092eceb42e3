"""When exchanges are open, from exchange_calendars.

The one file that imports that package. Only who checks a series for gaps needs it, so `ktrdr.data` does not import this
file nor `ktrdr.data.quality`: nothing else pays for its loading (a fifth of a second and its tables of holidays).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import exchange_calendars
import numpy as np
import pandas as pd

from ktrdr.errors import RequestError, did_you_mean

_MARGIN = pd.Timedelta(days=14)
"""Around the range asked for, so that it never lies between two sessions."""


@dataclass(frozen=True)
class Sessions:
    """The sessions of an exchange. `first` and `last` are the UTC midnights between which its calendar is known."""

    name: str
    zone: str
    first: pd.Timestamp
    last: pd.Timestamp
    dates: pd.DatetimeIndex
    """The date of each session, at midnight UTC."""
    closes: pd.DatetimeIndex
    period_opens: pd.DatetimeIndex
    """When trading begins, in the order of time: more than once in a session with a break."""
    period_closes: pd.DatetimeIndex

    def closed_in(self, starts: pd.DatetimeIndex, ends: pd.DatetimeIndex) -> pd.DataFrame:
        """Return for each span (start, end] the positions `first` and `stop` of the sessions that close in it."""
        return pd.DataFrame(
            {
                "first": self.closes.searchsorted(starts, side="right"),
                "stop": self.closes.searchsorted(ends, side="right"),
            }
        )


def sessions_between(name: str, start: pd.Timestamp, end: pd.Timestamp) -> Sessions:
    """Return the sessions of the calendar `name` from two weeks before `start` to two weeks after `end`.

    Fewer where the calendar's history begins later or ends earlier.

    Parameters
    ----------
    name
        As exchange_calendars has it: a market identifier code (XNYS, XLON, XTKS), 24/5, 24/7 or an alias (NYSE).
    start, end
        UTC.

    Raises
    ------
    RequestError
        If there is no calendar of that name.
    """
    known = exchange_calendars.get_calendar_names(include_aliases=True)
    if name not in known:
        advice = did_you_mean(name, known) or "Use an exchange's code such as XNYS, XLON or XTKS, or 24/5, or 24/7."
        raise RequestError("calendar", f"there is no calendar {name!r}", advice)
    earliest, latest = _history(name)
    first, last = (time.tz_convert(None).normalize() for time in (start - _MARGIN, end + _MARGIN))
    first, last = max(first, earliest or first), min(last, latest or last)
    if last - first < _MARGIN:  # nothing of the range is known: what is, is margin
        empty = pd.DatetimeIndex([], tz="UTC")
        return Sessions(name, "UTC", start, start, empty, empty, empty, empty)
    calendar = _calendar(name, first, last)
    schedule = calendar.schedule
    opens, closes = (pd.DatetimeIndex(schedule[column]) for column in ("open", "close"))
    break_starts, break_ends = (pd.DatetimeIndex(schedule[column]) for column in ("break_start", "break_end"))
    has_break = ~np.asarray(break_starts.isna())
    return Sessions(
        name,
        str(calendar.tz),
        first.tz_localize("UTC"),
        last.tz_localize("UTC") + pd.Timedelta(days=1),
        pd.DatetimeIndex(schedule.index).tz_localize("UTC"),
        closes,
        opens.append(break_ends[has_break]).sort_values(),
        closes.append(break_starts[has_break]).sort_values(),
    )


@lru_cache
def _history(name: str) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    """Return the first and the last date that the calendar knows; None where it has no bound."""
    calendar = _calendar(name, None, None)  # the bounds are its class's, which is had by making one
    return calendar.bound_min(), calendar.bound_max()


@lru_cache(maxsize=8)
def _calendar(name: str, first: pd.Timestamp | None, last: pd.Timestamp | None) -> Any:
    try:
        return exchange_calendars.get_calendar(name, start=first, end=last)
    except (ValueError, NotImplementedError) as error:
        # some of its calendars (those of Orthodox holidays, Tel Aviv) cannot be made with the pandas of today
        reason = f"exchange_calendars cannot make the calendar {name!r}: {str(error)[:80]}"
        raise RequestError("calendar", reason, "Use another exchange's with the same hours, or 24/5.") from None
