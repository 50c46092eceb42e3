"""Every series that a source has or that can be made of one it has."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from ktrdr.data.bars import Bars, SeriesKey, Timeframe
from ktrdr.data.closes import close_times
from ktrdr.data.resampling import resample, slowest_faster
from ktrdr.data.store import BarSource
from ktrdr.errors import OnlySlowerBars, UnknownSymbol


@dataclass(frozen=True)
class KnownBars:
    """A series, whole, and when each of its bars is known."""

    bars: Bars
    closes: pd.DatetimeIndex
    made_of: str | None
    """The timeframe that it was made of, None where it is stored."""
    stored_range: str
    """The dates of the bars that are stored: its own, or those that it was made of."""

    def since(self, first: pd.Timestamp) -> KnownBars:
        """Return the series as if its bars began with the one that opens at `first`."""
        begin = int(self.bars.index.searchsorted(first))
        return replace(self, bars=self.bars.iloc[begin:], closes=self.closes[begin:])


class AvailableBars:
    """Reads each stored series once, and the catalog once."""

    def __init__(self, source: BarSource) -> None:
        self._source = source
        self._catalog = source.catalog()
        self._read: dict[SeriesKey, Bars] = {}

    def read(self, key: SeriesKey) -> KnownBars:
        """Return a series; one that is not stored is made of the slowest stored faster one of its symbol.

        Raises
        ------
        UnknownSymbol
            If nothing of the symbol is stored.
        OnlySlowerBars
            If all that is stored of it is slower.
        BadBars
            From the source, or if the bars cannot be made.
        """
        try:
            bars, made_of = self._stored(key), None
            stored_range = range_text(bars)
        except UnknownSymbol:
            # asked first, for the catalog leaves out a damaged file, which must not be passed over in silence
            made_of = self._fit_source(key)
            if made_of is None:
                raise
            source = self._stored(SeriesKey(key.symbol, made_of))
            bars = resample(source, made_of, key.timeframe, self._trades_weekends(key.symbol), str(key))
            stored_range = range_text(source)
        closes = close_times(bars.index, key.timeframe, self._trades_weekends(key.symbol))
        return KnownBars(bars, closes, made_of, stored_range)

    def _stored(self, key: SeriesKey) -> Bars:
        if key not in self._read:
            self._read[key] = self._source.read(key)
        return self._read[key]

    def _fit_source(self, key: SeriesKey) -> str | None:
        kept = {info.timeframe for info in self._catalog if info.symbol == key.symbol}
        stored = tuple(name.value for name in Timeframe if name in kept)
        source = slowest_faster(key.timeframe, stored)
        if source is None and any(timeframe != key.timeframe for timeframe in stored):
            raise OnlySlowerBars(key.symbol, key.timeframe, stored) from None
        return source

    def _trades_weekends(self, symbol: str) -> bool:
        # Of the symbol, not of one series: weeks imported before the days that show weekend trading say no, and would
        # be taken as known on Saturday.
        return any(info.trades_weekends for info in self._catalog if info.symbol == symbol)


def range_text(bars: Bars) -> str:
    """Return the dates of the first and the last bar's open, in words."""
    return f"{bars.index[0].date()} to {bars.index[-1].date()}" if len(bars) else "nowhere to nowhere"
