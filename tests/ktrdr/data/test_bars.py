from __future__ import annotations

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
