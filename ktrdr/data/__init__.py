"""Bars: what they are and how they are checked, how they lie on disk and come there, how a training's are loaded.

Not here, for what it loads: `ktrdr.data.quality`, a look at a stored series.
"""

from __future__ import annotations

from ktrdr.data.arrow import bars_sha256, from_arrow, to_arrow
from ktrdr.data.bars import COLUMNS, SYMBOL, Bars, SeriesKey, Symbol, Timeframe, check_bars
from ktrdr.data.closes import close_times
from ktrdr.data.importing import ImportReport, import_bars, read_bars_file
from ktrdr.data.market import DataManager, MarketBars
from ktrdr.data.resampling import resample
from ktrdr.data.store import BarSource, BarStore, SeriesInfo

__all__ = [
    "COLUMNS",
    "SYMBOL",
    "BarSource",
    "BarStore",
    "Bars",
    "DataManager",
    "ImportReport",
    "MarketBars",
    "SeriesInfo",
    "SeriesKey",
    "Symbol",
    "Timeframe",
    "bars_sha256",
    "check_bars",
    "close_times",
    "from_arrow",
    "import_bars",
    "read_bars_file",
    "resample",
    "to_arrow",
]
