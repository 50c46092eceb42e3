"""What is loaded beside the base series: slower timeframes, other symbols' bars, bars made of faster ones."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktrdr.data import Bars, BarStore, DataManager, MarketBars, SeriesKey, Timeframe, close_times, resample
from ktrdr.errors import BadBars, NoBars
from tests.fakes.bars import MemorySource
from tests.ktrdr.data.walk import walk

A_H, A_D, A_W = SeriesKey("A", "1h"), SeriesKey("A", "1d"), SeriesKey("A", "1w")
B_H, B_D, B_W = SeriesKey("B", "1h"), SeriesKey("B", "1d"), SeriesKey("B", "1w")


def weekdays(n_days: int, seed: int = 0, start: str = "2020-01-01") -> Bars:
    return walk(n_days, start, "D", seed)[lambda bars: bars.index.day_of_week < 5]


def weekday_hours(n_days: int, seed: int = 0, start: str = "2020-01-01") -> Bars:
    return walk(24 * n_days, start, "h", seed)[lambda bars: bars.index.day_of_week < 5]


def source() -> MemorySource:
    return MemorySource(
        {
            A_H: weekday_hours(90),
            A_W: walk(13, "2019-12-30", "W-MON", seed=1),
            B_H: walk(24 * 80, "2020-01-05", "h", seed=2),
            B_D: walk(80, "2020-01-05", seed=3),
        }
    )


def joined_by_hand(
    bars: Bars, closes: pd.DatetimeIndex, first: pd.Timestamp, last: pd.Timestamp, lookback: int
) -> Bars:
    """Bar by bar."""
    known_before = [at for at, close in enumerate(closes) if close <= first]
    begin = known_before[-lookback - 1 :][0] if known_before else 0
    return bars.iloc[[at for at, close in enumerate(closes) if at >= begin and close <= last]]


@settings(max_examples=40, deadline=None)
@given(
    symbols=st.sampled_from([["A"], ["B"], ["A", "B"], ["B", "A"]]),
    timeframes=st.sampled_from([["1h", "1d"], ["1w", "1h"], ["1d", "1w"], ["1h", "4h", "1d", "1w"], ["1d"]]),
    context=st.lists(st.sampled_from([A_H, A_D, A_W, B_H, B_D, B_W]), max_size=2),
    days=st.tuples(st.integers(15, 70), st.integers(0, 15)),
    lookback=st.integers(0, 30),
    joined_lookback=st.dictionaries(st.sampled_from(["1h", "4h", "1d", "1w"]), st.integers(0, 9)),
)
def test_each_series_holds_what_is_found_bar_by_bar(
    symbols: list[str],
    timeframes: list[str],
    context: list[SeriesKey],
    days: tuple[int, int],
    lookback: int,
    joined_lookback: dict[str, int],
) -> None:
    start = pd.Timestamp("2020-01-01") + pd.Timedelta(days=days[0])
    end = start + pd.Timedelta(days=days[1] + 3)
    bars = source()
    loaded = DataManager(bars).load(
        symbols,
        timeframes,
        str(start.date()),
        str(end.date()),
        lookback,
        joined_lookback=joined_lookback,
        context=context,
    )
    base_timeframe = min(timeframes, key=list(Timeframe).index)
    assert loaded.base_timeframe == base_timeframe
    assert list(loaded.base) == [SeriesKey(symbol, base_timeframe) for symbol in symbols]
    assert list(loaded.series) == list(loaded.closes)
    assert loaded.series.keys() == {SeriesKey(s, t) for s in symbols for t in timeframes} | set(context)
    assert loaded.resampled == {
        key: {"A 4h": "1h", "B 4h": "1h", "A 1d": "1h", "B 1w": "1d"}[str(key)]
        for key in loaded.series
        if key not in bars.series
    }
    spans = {}
    for key, own in loaded.base.items():
        in_range = own.iloc[loaded.n_lookback[key] :].index
        whole = whole_series(bars, key)
        days_of_range = [time for time in whole.index if start.date() <= time.date() <= end.date()]
        assert in_range.tolist() == days_of_range
        n_before = int((whole.index < in_range[0]).sum())
        if key not in context:
            assert loaded.n_lookback[key] == min(lookback, n_before)
        assert loaded.n_lookback[key] >= min(lookback, n_before)
        begin = n_before - min(lookback, n_before)
        closes = close_times(whole.index, key.timeframe, key.symbol == "B")
        spans[key.symbol] = closes[begin], closes[n_before + len(in_range) - 1]
    of_all = min(first for first, _ in spans.values()), max(last for _, last in spans.values())
    for key, found in loaded.series.items():
        whole = whole_series(bars, key)
        closes = close_times(whole.index, key.timeframe, key.symbol == "B")
        assert loaded.closes[key].tolist() == closes[whole.index.isin(found.index)].tolist()
        if key not in loaded.base:
            first, last = of_all if key in context else spans[key.symbol]
            expected = joined_by_hand(whole, closes, first, last, joined_lookback.get(key.timeframe, 0))
            pd.testing.assert_frame_equal(found, expected, check_freq=False)
            assert (loaded.closes[key] <= last).all()


def whole_series(bars: MemorySource, key: SeriesKey) -> Bars:
    """As it is stored, or else by hand from what is."""
    if key in bars.series:
        return bars.series[key]
    made_of = {"4h": "1h", "1d": "1h", "1w": "1d"}[key.timeframe]
    return resample(bars.series[SeriesKey(key.symbol, made_of)], made_of, key.timeframe, key.symbol == "B")


def both_ways(stored: dict[SeriesKey, Bars], made: SeriesKey, made_of: str, weekends: bool) -> list[MarketBars]:
    bars = resample(stored[SeriesKey(made.symbol, made_of)], made_of, made.timeframe, weekends)
    return [
        DataManager(MemorySource(series)).load(
            ["A"], ["1h", made.timeframe], "2020-02-05", "2020-02-26", 40, joined_lookback={made.timeframe: 3}
        )
        for series in (stored, stored | {made: bars})
    ]


@pytest.mark.parametrize(("made", "made_of"), [(SeriesKey("A", "4h"), "1h"), (A_D, "1h"), (A_W, "1d"), (A_W, "1h")])
@pytest.mark.parametrize("weekends", [False, True])
def test_bars_that_are_made_give_what_the_same_bars_stored_give(made: SeriesKey, made_of: str, weekends: bool) -> None:
    hours = walk(24 * 90, freq="h") if weekends else weekday_hours(90)
    stored = {A_H: hours} | ({A_D: walk(90) if weekends else weekdays(90)} if made_of == "1d" else {})
    when_made, when_stored = both_ways(stored, made, made_of, weekends)
    assert when_made.resampled == {made: made_of}
    assert when_stored.resampled == {}
    assert when_made.sha256 == when_stored.sha256
    assert when_made.n_lookback == when_stored.n_lookback
    for key, bars in when_stored.series.items():
        pd.testing.assert_frame_equal(when_made.series[key], bars, check_freq=False)
        assert when_made.closes[key].equals(when_stored.closes[key])


def test_bars_after_the_end_change_nothing() -> None:
    whole = source()
    stop = pd.Timestamp("2020-03-02", tz="UTC")
    cut = MemorySource(
        {key: bars[close_times(bars.index, key.timeframe) <= stop] for key, bars in whole.series.items()}
    )
    one, other = (
        DataManager(bars).load(["A", "B"], ["1h", "1d", "1w"], "2020-02-01", "2020-03-01", 10, context=[B_D])
        for bars in (whole, cut)
    )
    assert one.sha256 == other.sha256


def test_every_base_row_finds_a_joined_bar_where_there_is_one_before_it() -> None:
    loaded = DataManager(source()).load(["A"], ["1h", "1w"], "2020-02-05", "2020-02-20", 5)
    assert loaded.closes[A_W][0] <= loaded.closes[A_H][0]
    assert (loaded.closes[A_W] <= loaded.closes[A_H][0]).sum() == 1


def test_weeks_recorded_before_the_days_that_show_weekend_trading_are_known_on_monday() -> None:
    stored = MemorySource({A_D: walk(90), A_W: walk(12, "2019-12-30", "W-MON")})
    loaded = DataManager(stored).load(["A"], ["1d", "1w"], "2020-02-01", None)
    assert (loaded.closes[A_W].day_of_week == 0).all()


def test_a_series_of_base_and_context_reaches_back_as_far_as_either_asks() -> None:
    load = DataManager(source()).load
    alone = load(["A", "B"], ["1h"], "2020-02-10", "2020-02-12", 5)
    both = load(["A", "B"], ["1h"], "2020-02-10", "2020-02-12", 5, joined_lookback={"1h": 100}, context=[B_H])
    assert alone.n_lookback == {A_H: 5, B_H: 5}
    # A's first hour loaded is on Friday 19:00: 5 + 48 of B's later
    assert both.n_lookback == {A_H: 5, B_H: 5 + 48 + 100}
    assert list(both.series) == [A_H, B_H]


def test_a_base_slower_than_another_timeframe_is_joined_all_the_same() -> None:
    loaded = DataManager(source()).load(["B"], ["1h", "1d"], "2020-02-10", "2020-02-12", base_timeframe="1d")
    assert list(loaded.base) == [B_D]
    assert loaded.closes[B_H][0] == pd.Timestamp("2020-02-11", tz="UTC") == loaded.closes[B_D][0]


def test_the_catalog_is_asked_once_and_each_stored_series_read_once() -> None:
    bars = source()
    reports = []
    DataManager(bars).load(
        ["A", "B"], ["1h", "4h", "1d", "1w"], None, None, 0, lambda *report: reports.append(report), context=[B_W]
    )
    assert bars.n_catalogs == 1
    found = [key for key in bars.reads if key in bars.series]
    assert sorted(found) == sorted(set(found))
    assert [number for number, *_ in reports] == list(range(1, 9))
    assert {total for _, total, *_ in reports} == {8}


def test_a_joined_series_without_a_closed_bar_names_what_is_stored() -> None:
    bars = MemorySource({A_D: weekdays(60), B_D: weekdays(10, start="2020-06-01")})
    with pytest.raises(NoBars, match="B 1d has no bars") as caught:
        DataManager(bars).load(["A"], ["1d"], None, None, context=[B_D])
    assert caught.value.args[2] == "2020-06-01 to 2020-06-10"
    short = MemorySource({A_D: weekdays(3)})
    with pytest.raises(NoBars, match="A 1w has no bars") as caught:
        DataManager(short).load(["A"], ["1d", "1w"], None, None)
    assert caught.value.args[2] == "2020-01-01 to 2020-01-03"


def test_a_damaged_file_is_not_passed_over_for_bars_that_can_be_made(tmp_path) -> None:
    store = BarStore([tmp_path])
    store.write(A_D, weekdays(60))
    path = store.write(A_W, walk(5, "2020-01-06", "W-MON"))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(BadBars, match=r"A 1w .*cannot be read"):
        DataManager(store).load(["A"], ["1d", "1w"], None, None)


def test_slower_bars_are_made_of_those_in_a_store(tmp_path) -> None:
    store = BarStore([tmp_path])
    store.write(A_D, walk(60))
    loaded = DataManager(store).load(["A"], ["1d", "1w"], None, None)
    assert loaded.resampled == {A_W: "1d"}
    assert (loaded.closes[A_W] - loaded.series[A_W].index == pd.Timedelta(days=7)).all()


def test_context_reaches_from_the_first_base_bar_of_any_symbol_to_the_last_of_any() -> None:
    late = weekdays(20, start="2020-02-10")
    early = weekdays(30, seed=1, start="2020-01-13")
    third = SeriesKey("C", "1d")
    bars = MemorySource({A_D: late, B_D: early, third: walk(120, "2019-12-01")})
    loaded = DataManager(bars).load(["A", "B"], ["1d"], None, None, joined_lookback={"1d": 2}, context=[third])
    assert loaded.series[third].index[[0, -1]].tolist() == [early.index[0] - pd.Timedelta(days=2), late.index[-1]]
