from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from ktrdr.data import Timeframe, check_bars
from ktrdr.errors import BadBars
from tests.ktrdr.data.walk import walk


def test_sound_bars_are_accepted() -> None:
    check_bars(walk(), "A 1d")


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("close", np.nan, "missing, not finite or not positive"),
        ("open", np.inf, "missing, not finite or not positive"),
        ("low", 0.0, "missing, not finite or not positive"),
        ("high", 1.0, "high below its low"),
        ("close", 1000.0, "outside its own range"),
        ("open", 1.0, "outside its own range"),
        ("volume", -1.0, "volume that is missing, not finite or negative"),
        ("volume", np.nan, "volume that is missing, not finite or negative"),
        ("volume", np.inf, "volume that is missing, not finite or negative"),
    ],
)
def test_the_first_bar_at_fault_is_named_with_its_reason(column: str, value: float, reason: str) -> None:
    bars = walk()
    bars.loc[bars.index[[3, 7]], column] = value
    with pytest.raises(BadBars, match=rf"A 1d: bar 2020-01-04 .*{reason}"):
        check_bars(bars, "A 1d")


def test_bars_out_of_order_or_twice_are_refused() -> None:
    bars = walk(5)
    for positions in ([0, 2, 1], [0, 1, 1]):
        with pytest.raises(BadBars, match=r"2020-01-02 .*does not come after"):
            check_bars(bars.iloc[positions], "A 1d")


def test_times_must_be_utc_and_there() -> None:
    bars = walk(3)
    for index in (bars.index.tz_localize(None), bars.index.tz_convert("America/New_York"), pd.RangeIndex(3)):
        with pytest.raises(BadBars, match="not indexed by UTC times"):
            check_bars(bars.set_axis(index), "A 1d")
    with pytest.raises(BadBars, match="bar number 1 has no time"):
        check_bars(bars.set_axis(pd.DatetimeIndex([pd.NaT, *bars.index[1:]])), "A 1d")


def test_a_missing_column_is_named() -> None:
    with pytest.raises(BadBars, match="has no column low, volume"):
        check_bars(walk().drop(columns=["low", "volume"]), "A 1d")


def test_a_week_closes_on_saturday() -> None:
    assert pd.Timestamp("2020-01-06") + Timeframe("1w").duration == pd.Timestamp("2020-01-11")


@pytest.mark.parametrize(
    ("column", "values", "kind"),
    [("close", str, "str"), ("high", object, "object"), ("volume", bool, "bool"), ("low", "complex128", "complex128")],
)
def test_a_column_that_holds_no_numbers_is_named(column: str, values: object, kind: str) -> None:
    bars = walk()
    bars[column] = bars[column].astype(values)
    with pytest.raises(BadBars, match=f"A 1d: column {column} is {kind}, not numbers"):
        check_bars(bars, "A 1d")


def test_a_frame_of_objects_and_a_column_there_twice_are_refused() -> None:
    bars = walk()
    with pytest.raises(BadBars, match="column open is object, not numbers"):
        check_bars(bars.astype(object), "A 1d")
    with pytest.raises(BadBars, match="has the column close more than once"):
        check_bars(pd.concat([bars, bars[["close"]]], axis=1), "A 1d")


def test_numbers_of_other_types_are_accepted_and_their_gaps_found() -> None:
    check_bars(walk().astype("float32"), "A 1d")
    bars = walk().astype("Float64")
    check_bars(bars.astype({"volume": "int64"}), "A 1d")
    bars.loc[bars.index[3], "close"] = pd.NA
    with pytest.raises(BadBars, match=r"bar 2020-01-04 .*a price that is missing"):
        check_bars(bars, "A 1d")


@pytest.mark.parametrize("zone", ["Etc/UTC", dt.UTC, ZoneInfo("UTC"), ZoneInfo("Zulu")], ids=str)
def test_a_zone_that_is_utc_by_another_name_is_accepted(zone: object) -> None:
    check_bars(walk().tz_convert(zone), "A 1d")


def test_weeks_open_on_monday_at_midnight() -> None:
    weeks = walk(5, "2020-01-06", "W-MON")
    check_bars(weeks, "A 1w", timeframe="1w")
    check_bars(weeks.shift(1, freq="D"), "A", timeframe="1d")
    for moved in (weeks.shift(1, freq="D"), weeks.shift(1, freq="h")):
        with pytest.raises(BadBars, match=r"bar 2020-01-0.* does not open on a Monday at 00:00"):
            check_bars(moved, "A 1w", timeframe="1w")


def test_the_advice_speaks_of_no_file_where_there_is_none() -> None:
    with pytest.raises(BadBars) as caught:
        check_bars(walk().drop(columns=["low"]), "A 1d")
    assert caught.value.suggestion == "Correct the bars."
