from __future__ import annotations

import pandas as pd
import pytest

from ktrdr.data import Timeframe, close_times

MONDAY = pd.DatetimeIndex(["2020-01-06"], tz="UTC")


@pytest.mark.parametrize(
    ("timeframe", "close"),
    [
        ("1m", "2020-01-06 00:01"),
        ("5m", "2020-01-06 00:05"),
        ("15m", "2020-01-06 00:15"),
        ("30m", "2020-01-06 00:30"),
        ("1h", "2020-01-06 01:00"),
        ("4h", "2020-01-06 04:00"),
        ("1d", "2020-01-07 00:00"),
        ("1w", "2020-01-11 00:00"),
    ],
)
def test_bars_close_after_their_duration_and_weeks_on_saturday(timeframe: str, close: str) -> None:
    assert close_times(MONDAY, timeframe).tolist() == [pd.Timestamp(close, tz="UTC")]


def test_the_week_of_a_symbol_that_trades_on_weekends_closes_on_monday_and_nothing_else_changes() -> None:
    assert close_times(MONDAY, "1w", trades_weekends=True).tolist() == [pd.Timestamp("2020-01-13", tz="UTC")]
    for timeframe in set(Timeframe) - {Timeframe.W1}:
        assert close_times(MONDAY, timeframe, True).equals(close_times(MONDAY, timeframe, False))
