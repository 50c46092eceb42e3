from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktrdr.data import Bars, Timeframe, check_bars, close_times, resample
from ktrdr.data.resampling import slowest_faster
from ktrdr.errors import BadBars
from tests.ktrdr.data.walk import walk

ORDER = list(Timeframe)
PAIRS = [(source, slower) for source in ORDER for slower in ORDER if ORDER.index(source) < ORDER.index(slower)]


def slower_open(time: pd.Timestamp, timeframe: str, trades_weekends: bool) -> pd.Timestamp:
    """By the calendar, one bar at a time."""
    midnight = time.replace(hour=0, minute=0)
    if timeframe == "1w":
        if not trades_weekends and time.day_name() in ("Saturday", "Sunday"):
            return midnight + pd.Timedelta(days=7 - time.weekday())
        return midnight - pd.Timedelta(days=time.weekday())
    if timeframe == "1d":
        return midnight
    minutes = {"5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240}[timeframe]
    return midnight + pd.Timedelta(minutes=(time.hour * 60 + time.minute) // minutes * minutes)


def one_by_one(bars: Bars, source: str, timeframe: str, trades_weekends: bool) -> dict[pd.Timestamp, list[int]]:
    """The positions of the bars of each slower bar that is covered whole."""
    members: dict[pd.Timestamp, list[int]] = {}
    for at, time in enumerate(bars.index):
        members.setdefault(slower_open(time, timeframe, trades_weekends), []).append(at)
    closes = close_times(bars.index, source, trades_weekends)
    for open_, positions in list(members.items()):
        close = close_times(pd.DatetimeIndex([open_]), timeframe, trades_weekends)[0]
        is_cut_off = 0 in positions and bars.index[0] > open_
        if is_cut_off or (len(bars) - 1 in positions and closes[-1] < close):
            del members[open_]
    return members


@st.composite
def gappy_bars(draw: st.DrawFn, source: str) -> Bars:
    step = Timeframe(source).duration
    start = pd.Timestamp("2020-01-01", tz="UTC") + draw(st.integers(0, 400)) * step
    n_bars = draw(st.integers(1, 120))
    bars = walk(n_bars, str(start.tz_localize(None)), step, seed=draw(st.integers(0, 99)))
    is_kept = np.array(draw(st.lists(st.booleans(), min_size=n_bars, max_size=n_bars)))
    is_kept[draw(st.integers(0, n_bars - 1))] = True
    return bars[is_kept]


@settings(max_examples=80, deadline=None)
@given(pair=st.sampled_from(PAIRS), trades_weekends=st.booleans(), choice=st.data())
def test_slower_bars_are_what_is_found_one_by_one(
    pair: tuple[str, str], trades_weekends: bool, choice: st.DataObject
) -> None:
    source, timeframe = pair
    bars = choice.draw(gappy_bars(source))
    slower = resample(bars, source, timeframe, trades_weekends)
    members = one_by_one(bars, source, timeframe, trades_weekends)
    assert slower.index.tolist() == list(members)
    check_bars(slower, "slower", timeframe=timeframe)
    closes = close_times(slower.index, timeframe, trades_weekends)
    source_closes = close_times(bars.index, source, trades_weekends)
    for (_, bar), close, positions in zip(slower.iterrows(), closes, members.values(), strict=True):
        inside = bars.iloc[positions]
        assert bar["open"] == inside["open"].iloc[0]
        assert bar["high"] == max(inside["high"])
        assert bar["low"] == min(inside["low"])
        assert bar["close"] == inside["close"].iloc[-1]
        assert bar["volume"] == math.fsum(inside["volume"])
        assert (source_closes[positions] <= close).all()


def test_a_day_is_made_of_its_hours_by_hand() -> None:
    hours = walk(72, "2020-01-01 12:00", "h")
    days = resample(hours, "1h", "1d")
    assert days.index.tolist() == [pd.Timestamp("2020-01-02", tz="UTC"), pd.Timestamp("2020-01-03", tz="UTC")]
    first = hours.iloc[12:36]
    assert days.iloc[0].tolist() == [
        first["open"].iloc[0],
        first["high"].max(),
        first["low"].min(),
        first["close"].iloc[-1],
        first["volume"].sum(),
    ]


def test_what_opens_on_a_weekend_begins_the_next_week_unless_the_symbol_trades_then() -> None:
    days = walk(15, "2020-01-05")  # from a Sunday to a Sunday
    weeks = resample(days, "1d", "1w")
    assert weeks.index.strftime("%a %d").tolist() == ["Mon 06", "Mon 13"]
    assert weeks["open"].tolist() == [days["open"].loc["2020-01-05"], days["open"].loc["2020-01-11"]]
    assert weeks["close"].tolist() == [days["close"].loc["2020-01-10"], days["close"].loc["2020-01-17"]]
    weeks = resample(days, "1d", "1w", trades_weekends=True)
    assert weeks["open"].tolist() == [days["open"].loc["2020-01-06"], days["open"].loc["2020-01-13"]]
    assert weeks["close"].tolist() == [days["close"].loc["2020-01-12"], days["close"].loc["2020-01-19"]]


def test_a_bar_that_closes_after_the_slower_bar_in_which_it_opens_is_refused() -> None:
    hours = walk(7, "2020-01-06 14:30", "h")  # stamped from the opening of the exchange on
    with pytest.raises(BadBars, match=r"A 4h: bar 2020-01-06 15:30.* closes after the 4h bar .* at 2020-01-06 16:30"):
        resample(hours, "1h", "4h", series="A 4h")
    assert len(resample(pd.concat([hours, walk(7, "2020-01-07 14:30", "h")]), "1h", "1d")) == 0


def test_too_few_bars_make_none() -> None:
    assert resample(walk(0), "1d", "1w").empty
    assert resample(walk(3, "2020-01-07"), "1d", "1w").empty
    assert list(resample(walk(3, "2020-01-07"), "1d", "1w").columns) == list(walk(0).columns)


def test_the_slowest_of_the_faster_is_the_source() -> None:
    assert slowest_faster("1w", ["1m", "1h", "1d"]) == "1d"
    assert slowest_faster("1d", ["1m", "1h", "1d", "1w"]) == "1h"
    assert slowest_faster("1h", ["1h", "1d"]) is None
