"""What a training reads of the market: several series, over one range of dates."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from ktrdr.data.arrow import bars_sha256
from ktrdr.data.bars import Bars, SeriesKey
from ktrdr.data.store import BarSource, SeriesInfo
from ktrdr.errors import NoBars, RequestError


@dataclass(frozen=True)
class MarketBars:
    """The bars of each series: `n_lookback` of them before the start, the rest in the range, none after its end."""

    series: dict[SeriesKey, Bars]
    n_lookback: dict[SeriesKey, int]

    @property
    def sha256(self) -> str:
        """SHA-256 over every bar loaded and the names of their series, whatever the order of loading."""
        parts = (f"{key.symbol}\0{key.timeframe}\0{bars_sha256(self.series[key])}\n" for key in sorted(self.series))
        return hashlib.sha256("".join(parts).encode()).hexdigest()


class DataManager:
    """Loads the bars of a training from a source. It opens no file, so that the source may be far away."""

    def __init__(self, source: BarSource) -> None:
        self._source = source

    def catalog(self) -> list[SeriesInfo]:
        """Return what the source has."""
        return self._source.catalog()

    def load(  # noqa: PLR0913  the executor's call, one name each
        self,
        symbols: Sequence[str],
        timeframes: Sequence[str],
        start_date: str | None,
        end_date: str | None,
        lookback_bars: int = 0,
        on_series: Callable[[int, int, SeriesKey, int], None] | None = None,
    ) -> MarketBars:
        """Return the bars of every symbol in every timeframe.

        Parameters
        ----------
        symbols, timeframes
            What to load; a series named twice is loaded once.
        start_date, end_date
            ISO dates, both inclusive, by a bar's open in UTC; None is as far as bars go.
        lookback_bars
            Bars wanted before `start_date` for warm-up; fewer where there are fewer.
        on_series
            Called after each series with its number from 1, how many there are, its key and the bars loaded.

        Raises
        ------
        RequestError
            If a date is not one, or the range runs backwards.
        UnknownSymbol, BadBars
            From the source.
        NoBars
            If a series has no bar in the range.
        """
        start, end = _parse_date("start_date", start_date), _parse_date("end_date", end_date)
        if start and end and start > end:
            raise RequestError("start_date", f"start_date {start} is after end_date {end}", "Exchange the two dates.")
        keys = list(dict.fromkeys(SeriesKey(symbol, timeframe) for symbol in symbols for timeframe in timeframes))
        loaded = MarketBars({}, {})
        for number, key in enumerate(keys, start=1):
            bars = self._source.read(key)
            first, stop = _positions(bars, start, end)
            if first >= stop:
                raise NoBars(str(key), _range_text(start, end), _stored_text(bars))
            n_lookback = min(first, lookback_bars)
            loaded.series[key] = bars.iloc[first - n_lookback : stop]
            loaded.n_lookback[key] = n_lookback
            if on_series is not None:
                on_series(number, len(keys), key, len(loaded.series[key]))
        return loaded


def _parse_date(field: str, text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise RequestError(field, f"{text!r} is not a date", "Write YYYY-MM-DD.") from None


def _positions(bars: Bars, start: dt.date | None, end: dt.date | None) -> tuple[int, int]:
    """Return the position of the first bar in the range, and the one after its last."""
    first = 0 if start is None else int(bars.index.searchsorted(pd.Timestamp(start, tz="UTC")))
    # the day after `end`, exclusive: every bar that opens on `end` is in
    stop = (
        len(bars) if end is None else int(bars.index.searchsorted(pd.Timestamp(end, tz="UTC") + pd.Timedelta(days=1)))
    )
    return first, stop


def _range_text(start: dt.date | None, end: dt.date | None) -> str:
    return f"{start or 'the first bar'} to {end or 'the last bar'}"


def _stored_text(bars: Bars) -> str:
    return f"{bars.index[0].date()} to {bars.index[-1].date()}" if len(bars) else "nowhere to nowhere"
