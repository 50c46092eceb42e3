"""Bars in memory, in place of a folder of them."""

from __future__ import annotations

from ktrdr.data import Bars, SeriesInfo, SeriesKey
from ktrdr.data.closes import shows_weekend_trading
from ktrdr.errors import UnknownSymbol


class MemorySource:
    """A source without files. It counts what is asked of it."""

    def __init__(self, series: dict[SeriesKey, Bars]) -> None:
        self.series = series
        self.n_catalogs = 0
        self.reads: list[SeriesKey] = []

    def catalog(self) -> list[SeriesInfo]:
        self.n_catalogs += 1
        return [
            SeriesInfo(
                *key,
                str(bars.index[0].date()),
                str(bars.index[-1].date()),
                len(bars),
                bool(shows_weekend_trading(bars.index, key.timeframe)),
            )
            for key, bars in self.series.items()
        ]

    def read(self, key: SeriesKey) -> Bars:
        self.reads.append(key)
        if key not in self.series:
            raise UnknownSymbol(str(key), known=tuple(map(str, self.series)))
        return self.series[key]
