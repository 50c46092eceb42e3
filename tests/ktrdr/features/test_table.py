from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.data import MarketBars, SeriesKey
from ktrdr.errors import NotFinite
from ktrdr.features import InputBlock, as_of, feature_table
from ktrdr.fuzzy import FuzzySet

DAILY, WEEKLY, OTHER = SeriesKey("SP500", "1d"), SeriesKey("SP500", "1w"), SeriesKey("NASDAQ", "1d")
RSI = FuzzySet.model_validate({"indicator": "rsi", "low": [0, 20, 40], "high": [60, 80, 100]})


def _bars(opens: list[str]) -> pd.DataFrame:
    index = pd.DatetimeIndex(opens, tz="UTC", name="time")
    return pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0), index=index)


def _market() -> MarketBars:
    # 2020-01-06 is a Monday; the week closes on Saturday the 11th, with Friday's bar
    daily = _bars([f"2020-01-{day:02d}" for day in (8, 9, 10, 13, 14)])
    weekly = _bars(["2019-12-30", "2020-01-06"])
    other = _bars(["2020-01-08", "2020-01-10", "2020-01-13"])
    day, week = pd.Timedelta(days=1), pd.Timedelta(days=5)
    closes = {DAILY: daily.index + day, WEEKLY: weekly.index + week, OTHER: other.index + day}
    return MarketBars({DAILY: daily, WEEKLY: weekly, OTHER: other}, {DAILY: 0}, closes, {}, "1d")


def _values(key: SeriesKey, name: str, values: list[float], **outputs: list[float]) -> dict:
    index = _market().series[key].index
    return {key: {name: pd.DataFrame({"value": values, **outputs}, index=index)}}


def _table(blocks: list[InputBlock], indicators: dict, memberships: dict | None = None) -> pd.DataFrame:
    return feature_table(blocks, _market(), DAILY, indicators, memberships or {})


def test_a_weekly_value_reaches_a_daily_row_once_its_week_has_closed():
    weekly = _values(WEEKLY, "roc", [1.0, 2.0])
    table = _table([InputBlock.of_raw("1w", None, ("roc", ""), "none")], weekly)
    # Friday's bar closes with its week, on Saturday at 00:00
    assert table["1w_roc_raw"].to_list() == [1, 1, 2, 2, 2]
    assert table.index.equals(_market().series[DAILY].index)


def test_another_symbols_value_is_the_last_that_was_known():
    other = _values(OTHER, "roc", [1.0, 2.0, 3.0])
    table = _table([InputBlock.of_raw("1d", "NASDAQ", ("roc", ""), "none")], other)
    assert table["1d_roc_raw"].to_list() == [1, 1, 2, 3, 3]


def test_a_value_that_is_not_there_yet_stays_missing():
    weekly = _values(WEEKLY, "roc", [np.nan, 2.0])
    table = _table([InputBlock.of_raw("1w", None, ("roc", ""), "none")], weekly)
    assert table["1w_roc_raw"].isna().to_list() == [True, True, False, False, False]


def test_columns_follow_the_blocks_and_degrees_are_taken_as_they_are():
    values = _values(DAILY, "rsi", [10.0, 20, 30, 40, 50], second=[5.0, 4, 3, 2, 1])
    degrees = {DAILY: pd.DataFrame({"rsi_high": range(5), "rsi_low": range(5, 10)}, dtype=float)}
    blocks = [
        InputBlock.of_raw("1d", None, ("rsi", "second"), "zscore"),
        InputBlock.of_set("1d", None, ("rsi", ""), "rsi", RSI),
    ]
    table = _table(blocks, values, degrees)
    assert list(table.columns) == ["1d_rsi.second_raw", "1d_rsi_low", "1d_rsi_high"]
    assert table.to_numpy()[0].tolist() == [5, 5, 0]


def test_an_infinite_value_names_the_feature_and_the_bar():
    values = _values(DAILY, "ratio", [1.0, 2, np.inf, 3, 4])
    with pytest.raises(NotFinite, match=r"1d_ratio_raw is infinite on bar 2020-01-10 .* of SP500 1d"):
        _table([InputBlock.of_raw("1d", None, ("ratio", ""), "none")], values)


minutes = st.lists(st.integers(0, 5_000), min_size=1, max_size=30, unique=True).map(sorted)


@given(minutes, minutes)
def test_the_join_equals_a_brute_force_search_for_the_last_closed_bar(closes, rows):
    start = pd.Timestamp("2020-01-01", tz="UTC")
    values = np.arange(len(closes), dtype=float)[:, None]
    joined = as_of(values, *(start + pd.to_timedelta(one, unit="min") for one in (closes, rows)))
    for row, value in zip(rows, joined[:, 0], strict=True):
        closed = [number for number, close in enumerate(closes) if close <= row]
        assert value == closed[-1] if closed else np.isnan(value)
