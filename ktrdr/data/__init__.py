"""Bars: what they are and how they are checked, how they lie on disk, and how a training's range of them is loaded."""

from __future__ import annotations

from ktrdr.data.arrow import bars_sha256, from_arrow, to_arrow
from ktrdr.data.bars import COLUMNS, SYMBOL, Bars, SeriesKey, Timeframe, check_bars
from ktrdr.data.market import DataManager, MarketBars
from ktrdr.data.store import BarSource, BarStore, SeriesInfo

__all__ = [
    "COLUMNS",
    "SYMBOL",
    "BarSource",
    "BarStore",
    "Bars",
    "DataManager",
    "MarketBars",
    "SeriesInfo",
    "SeriesKey",
    "Timeframe",
    "bars_sha256",
    "check_bars",
    "from_arrow",
    "to_arrow",
]
