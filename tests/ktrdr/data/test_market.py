from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ktrdr.data import Bars, BarStore, DataManager, MarketBars, SeriesKey
from ktrdr.errors import NoBars, OnlySlowerBars, RequestError, UnknownSymbol
from tests.fakes.bars import MemorySource
from tests.ktrdr.data.walk import walk

A, B, HOURLY = SeriesKey("A", "1d"), SeriesKey("B", "1d"), SeriesKey("A", "1h")


@pytest.fixture
def manager() -> DataManager:
    return DataManager(
        MemorySource({A: walk(100), B: walk(50, start="2020-02-01", seed=1), HOURLY: walk(240, freq="h", seed=2)})
    )


def dates(bars: Bars) -> tuple[str, str]:
    return str(bars.index[0]), str(bars.index[-1])


def test_both_dates_are_in_the_range(manager: DataManager) -> None:
    loaded = manager.load(["A"], ["1d"], "2020-01-10", "2020-01-20")
    assert dates(loaded.series[A]) == ("2020-01-10 00:00:00+00:00", "2020-01-20 00:00:00+00:00")
    assert loaded.n_lookback == {A: 0}


def test_every_bar_that_opens_on_the_last_date_is_in(manager: DataManager) -> None:
    loaded = manager.load(["A"], ["1h"], "2020-01-03", "2020-01-03")
    assert dates(loaded.series[HOURLY]) == ("2020-01-03 00:00:00+00:00", "2020-01-03 23:00:00+00:00")


def test_without_dates_all_bars_are_loaded(manager: DataManager) -> None:
    loaded = manager.load(["A"], ["1d"], None, None, lookback_bars=20)
    assert len(loaded.series[A]) == 100
    assert loaded.n_lookback == {A: 0}


def test_lookback_bars_come_from_before_the_start_where_there_are_any(manager: DataManager) -> None:
    loaded = manager.load(["A", "B"], ["1d"], "2020-02-04", "2020-02-20", lookback_bars=20)
    assert loaded.n_lookback == {A: 20, B: 3}
    assert dates(loaded.series[A])[0].startswith("2020-01-15")
    assert dates(loaded.series[B])[0].startswith("2020-02-01")
    for key, bars in loaded.series.items():
        in_range = bars.iloc[loaded.n_lookback[key] :]
        assert dates(in_range) == ("2020-02-04 00:00:00+00:00", "2020-02-20 00:00:00+00:00")


def test_a_start_on_a_day_without_a_bar_begins_with_the_next(manager: DataManager) -> None:
    weekdays = walk(10)[lambda bars: bars.index.day_of_week < 5]
    loaded = DataManager(MemorySource({A: weekdays})).load(["A"], ["1d"], "2020-01-04", None, lookback_bars=1)
    assert dates(loaded.series[A])[0].startswith("2020-01-03")
    assert dates(loaded.series[A].iloc[loaded.n_lookback[A] :])[0].startswith("2020-01-06")


def test_a_range_without_bars_names_the_stored_one(manager: DataManager) -> None:
    for start, end, asked in (
        ("2021-01-01", None, "2021-01-01 to the last bar"),
        (None, "2019-12-31", "the first bar to 2019-12-31"),
        ("2018-01-01", "2018-02-01", "2018-01-01 to 2018-02-01"),
    ):
        with pytest.raises(NoBars) as caught:
            manager.load(["A"], ["1d"], start, end, lookback_bars=10)
        assert caught.value.args == ("A 1d", asked, "2020-01-01 to 2020-04-09")


def test_a_series_that_is_not_there_is_unknown(manager: DataManager) -> None:
    with pytest.raises(UnknownSymbol) as caught:
        manager.load(["A", "C"], ["1d"], None, None)
    assert caught.value.args == ("C 1d", ("A 1d", "B 1d", "A 1h"), "symbols")


def test_bars_faster_than_those_stored_cannot_be_made(manager: DataManager) -> None:
    with pytest.raises(OnlySlowerBars, match=r"B 1h is not stored, and cannot be made of slower bars \(1d\)") as caught:
        manager.load(["A", "B"], ["1d", "1h"], None, None)
    assert "Import B in 1h" in str(caught.value.suggestion)


def test_a_timeframe_that_is_none_is_refused(manager: DataManager) -> None:
    with pytest.raises(RequestError) as caught:
        manager.load(["A"], ["1d", "2d"], None, None)
    assert caught.value.path == "timeframes"


@pytest.mark.parametrize(
    ("start", "end", "path"),
    [("2020-13-01", None, "start_date"), (None, "soon", "end_date"), ("2020-02-01", "2020-01-01", "start_date")],
)
def test_dates_that_are_none_are_refused(manager: DataManager, start: str | None, end: str | None, path: str) -> None:
    with pytest.raises(RequestError) as caught:
        manager.load(["A"], ["1d"], start, end)
    assert caught.value.path == path


def test_each_series_is_reported_once_loaded(manager: DataManager) -> None:
    reports: list[tuple[int, int, SeriesKey, int]] = []
    manager.load(["A", "B", "A"], ["1d"], "2020-02-10", None, 5, lambda *report: reports.append(report))
    assert reports == [(1, 2, A, 65), (2, 2, B, 46)]


def test_the_catalog_is_the_sources(manager: DataManager) -> None:
    assert [info.n_bars for info in manager.catalog()] == [100, 50, 240]


def market(series: dict[SeriesKey, Bars]) -> MarketBars:
    return MarketBars(series, dict.fromkeys(series, 0), {}, {}, "1d")


def test_the_hash_covers_every_bar_and_name_in_any_order() -> None:
    bars, other = walk(seed=1), walk(seed=2)
    one = market({A: bars, B: other})
    assert one.sha256 == market({B: other, A: bars}).sha256
    changed = [
        {A: other, B: bars},
        {A: bars},
        {A: bars.iloc[1:], B: other},
        {A: bars, SeriesKey("C", "1d"): other},
        {A: bars, SeriesKey("B", "1w"): other},
    ]
    assert len({one.sha256, *(market(series).sha256 for series in changed)}) == 6


def test_loading_leaves_the_sources_bars_alone(manager: DataManager) -> None:
    source = MemorySource({A: walk(100)})
    loaded = DataManager(source).load(["A"], ["1d"], "2020-01-10", None)
    loaded.series[A].loc[:, "close"] = 0.0
    pd.testing.assert_frame_equal(source.series[A], walk(100))


def test_no_bar_that_opens_after_the_end_is_read_where_the_rows_are_of_slower_bars(manager: DataManager) -> None:
    loaded = manager.load(["A"], ["1d", "1w"], None, "2020-02-19", base_timeframe="1w")  # a Wednesday
    assert dates(loaded.series[SeriesKey("A", "1w")])[1].startswith("2020-02-17")
    assert dates(loaded.series[A])[1].startswith("2020-02-19")


def test_a_folder_is_a_source(tmp_path: Path) -> None:
    BarStore([tmp_path]).write(A, walk(5))
    for source in (tmp_path, str(tmp_path)):
        assert len(DataManager(source).load(["A"], ["1d"], None, None).series[A]) == 5
