"""The bars that come with the project, against what is known of the two indices from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ktrdr.data import BarStore, SeriesInfo, SeriesKey, check_bars

DATA = Path(__file__).parents[3] / "data"
STORE = BarStore([DATA])


def test_the_catalog_has_both_indices() -> None:
    assert STORE.catalog() == [
        SeriesInfo("NASDAQ", "1d", "1999-01-04", "2018-12-31", 5031),
        SeriesInfo("SP500", "1d", "1999-01-04", "2018-12-31", 5031),
    ]


@pytest.mark.parametrize("symbol", ["SP500", "NASDAQ"])
def test_bundled_bars_keep_the_conventions(symbol: str) -> None:
    bars = STORE.read(SeriesKey(symbol, "1d"))
    check_bars(bars, symbol)
    assert len(bars) == 5031
    assert (bars.index == bars.index.normalize()).all()


@pytest.mark.parametrize(
    ("symbol", "date", "close"),
    [
        ("SP500", "2000-03-24", 1527.46),  # the high of the dot-com years
        ("SP500", "2009-03-09", 676.53),  # the low of the financial crisis
        ("SP500", "2018-12-31", 2506.850098),
        ("NASDAQ", "2000-03-10", 5048.62),
        ("NASDAQ", "2002-10-09", 1114.11),
        ("NASDAQ", "2018-12-31", 6635.279785),
    ],
)
def test_closes_are_those_of_the_newspapers(symbol: str, date: str, close: float) -> None:
    bars = STORE.read(SeriesKey(symbol, "1d"))
    assert bars["close"].loc[pd.Timestamp(date, tz="UTC")] == pytest.approx(close, abs=0.005)


def test_the_exchanges_were_closed_after_2001_09_10() -> None:
    index = STORE.read(SeriesKey("SP500", "1d")).index
    after = index[index.get_loc(pd.Timestamp("2001-09-10", tz="UTC")) + 1]
    assert after == pd.Timestamp("2001-09-17", tz="UTC")


def test_the_readme_says_what_the_files_hold() -> None:
    readme = (DATA / "README.md").read_text()
    sp500, nasdaq = (STORE.read(SeriesKey(symbol, "1d")) for symbol in ("SP500", "NASDAQ"))
    n_stale_opens = int((sp500["open"] == sp500["close"].shift()).sum())
    assert f"On {n_stale_opens} of {len(sp500)} days the open equals the close of the day before" in readme
    quiet = nasdaq.index[nasdaq["volume"] == 0]
    assert " and ".join(str(date.date()) for date in quiet) in readme
    assert (sp500["volume"] > 0).all()
