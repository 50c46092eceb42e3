"""A look at a stored series before it is trusted. Not imported by `ktrdr.data`: see `ktrdr.data.calendars`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ktrdr.data.bars import (
    BAD_PRICE,
    BAD_VOLUME,
    COLUMNS,
    HIGH_BELOW_LOW,
    OUTSIDE_RANGE,
    Bars,
    SeriesKey,
    Timeframe,
    bar_faults,
    opens_a_week,
)
from ktrdr.data.calendars import sessions_between
from ktrdr.data.closes import shows_weekend_trading
from ktrdr.data.findings import Finding, finding
from ktrdr.data.gaps import find_gaps
from ktrdr.data.oddities import find_oddities
from ktrdr.data.store import BarStore

MAX_OF_A_KIND = 50
"""As many findings of a kind are listed; the counts are of all."""

WEEKEND_CALENDAR, DEFAULT_CALENDAR = "24/7", "XNYS"

_KINDS = {
    BAD_PRICE: "bad_price",
    HIGH_BELOW_LOW: "high_below_low",
    OUTSIDE_RANGE: "outside_range",
    BAD_VOLUME: "bad_volume",
}


@dataclass(frozen=True)
class SeriesReport:
    """What was found in a series. `first` and `last` are the ISO times of its first and last bar's open."""

    symbol: str
    timeframe: str
    n_bars: int
    first: str | None
    last: str | None
    calendar: str
    counts: dict[str, int]
    """Bars found of each kind, listed or not."""
    findings: tuple[Finding, ...]
    """Errors first, then warnings, then notes; of each kind in the order of time, at most `MAX_OF_A_KIND`."""
    n_left_out: int
    """Findings not listed."""

    @property
    def ok(self) -> bool:
        """Whether the series can be read: nothing of severity error was found."""
        return all(found.severity != "error" for found in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields and `ok`."""
        return asdict(self) | {"ok": self.ok, "findings": [found.as_dict() for found in self.findings]}


def check_series(store: BarStore, key: SeriesKey, calendar: str | None = None) -> SeriesReport:
    """Look a stored series over: its bars one by one, its gaps, and what is hard to believe.

    Parameters
    ----------
    store, key
        Where it is, and which.
    calendar
        When its exchange is open, by a name of exchange_calendars. None: always (24/7) for a symbol that trades on
        weekends, else as the New York Stock Exchange (XNYS).

    Raises
    ------
    UnknownSymbol
        If it is not stored.
    BadBars
        If the file cannot be read or has not the columns.
    RequestError
        If there is no such calendar.
    """
    bars = store.read_unchecked(key)
    if calendar is None:
        calendar = WEEKEND_CALENDAR if _trades_weekends(store, key, bars) else DEFAULT_CALENDAR
    found = _of_times(bars, key.timeframe) + _of_values(bars)
    sound = _sound(bars)
    if len(sound):
        sessions = sessions_between(calendar, sound.index[0], sound.index[-1])
        found += find_gaps(sound.index, key.timeframe, sessions) + find_oddities(sound)
    return _report(key, bars, calendar, found)


def _trades_weekends(store: BarStore, key: SeriesKey, bars: Bars) -> bool:
    recorded = any(info.trades_weekends for info in store.catalog() if info.symbol == key.symbol)
    return recorded or bool(shows_weekend_trading(bars.index, key.timeframe))


def _of_times(bars: Bars, timeframe: str) -> list[Finding]:
    if bars.empty:
        return [Finding("empty", "error", None, None, 0, "the series has no bars")]
    times = bars.index
    is_none = np.asarray(times.isna())
    steps = np.diff(times[~is_none].asi8)
    moved = times[~is_none & ~opens_a_week(times)] if timeframe == Timeframe.W1 else times[:0]
    known = times[~is_none][1:]
    return [
        finding(kind, "error", at, f"{len(at)} bars {words}")
        for kind, at, words in (
            ("no_time", times[is_none], "have no time"),
            ("duplicate", times[times.duplicated() & ~is_none], "have the time of an earlier one"),
            ("disorder", known[steps < 0], "are earlier than the one before them"),
            ("not_monday", moved, "of a week do not open on a Monday at 00:00"),
        )
        if len(at)
    ]


def _of_values(bars: Bars) -> list[Finding]:
    values = bars[list(COLUMNS)].to_numpy()
    return [
        finding(_KINDS[reason], "error", bars.index[at : at + 1], f"{column}: the bar {reason}")
        for reason, column, is_wrong in bar_faults(values)
        for at in np.flatnonzero(is_wrong)
    ]


def _sound(bars: Bars) -> Bars:
    """Return the bars without fault in the order of time, the first of those with one time."""
    is_wrong = np.logical_or.reduce([fault.is_wrong for fault in bar_faults(bars[list(COLUMNS)].to_numpy())])
    sound = bars[~is_wrong & ~np.asarray(bars.index.isna())].sort_index(kind="stable")
    return sound[~sound.index.duplicated()]


def _report(key: SeriesKey, bars: Bars, calendar: str, found: list[Finding]) -> SeriesReport:
    counts: Counter[str] = Counter()
    n_of_kind: Counter[str] = Counter()
    listed = []
    for one in found:
        counts[one.kind] += one.count
        n_of_kind[one.kind] += 1
        if n_of_kind[one.kind] <= MAX_OF_A_KIND:
            listed.append(one)
    listed.sort(key=lambda one: ("error", "warning", "note").index(one.severity))
    times = bars.index[~bars.index.isna()]
    first, last = (times.min().isoformat(), times.max().isoformat()) if len(times) else (None, None)
    return SeriesReport(*key, len(bars), first, last, calendar, dict(counts), tuple(listed), len(found) - len(listed))
