"""What a training reads of the market: several series, over one range of dates."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ktrdr.data.arrow import bars_sha256
from ktrdr.data.available import AvailableBars, KnownBars
from ktrdr.data.bars import Bars, SeriesKey, Timeframe
from ktrdr.data.store import BarSource, BarStore, SeriesInfo
from ktrdr.errors import NoBars, RequestError, did_you_mean


@dataclass(frozen=True)
class MarketBars:
    """The bars of each series: none of the base series opens after the end date, none of another closes after them."""

    series: dict[SeriesKey, Bars]
    """The base series in the order of symbols, then the joined ones: slower timeframes, other symbols."""
    n_lookback: dict[SeriesKey, int]
    """Of each base series, how many of its bars lie before the start date."""
    closes: dict[SeriesKey, pd.DatetimeIndex]
    """When each bar of each series is known, in the order of its bars."""
    resampled: dict[SeriesKey, str]
    """The series that are not stored, and the timeframe that each was made of."""
    base_timeframe: str

    @property
    def base(self) -> dict[SeriesKey, Bars]:
        """The series whose bars are the rows, in the order of symbols."""
        return {key: self.series[key] for key in self.n_lookback}

    @property
    def first_bars(self) -> dict[SeriesKey, pd.Timestamp]:
        """The open of the first bar of each series; one without bars is not in it."""
        return {key: bars.index[0] for key, bars in self.series.items() if len(bars)}

    @property
    def sha256(self) -> str:
        """SHA-256 over every bar loaded and the names of their series, whatever the order of loading."""
        parts = (f"{key.symbol}\0{key.timeframe}\0{bars_sha256(self.series[key])}\n" for key in sorted(self.series))
        return hashlib.sha256("".join(parts).encode()).hexdigest()


class DataManager:
    """Loads the bars of a training from a source. It opens no file itself, so that the source may be far away.

    Parameters
    ----------
    source
        What has the bars; a folder's path stands for a `BarStore` of it.
    """

    def __init__(self, source: BarSource | str | Path) -> None:
        self._source = BarStore([Path(source)]) if isinstance(source, str | Path) else source

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
        *,
        base_timeframe: str | None = None,
        joined_lookback: Mapping[str, int] | None = None,
        context: Sequence[SeriesKey] = (),
        first_bars: Mapping[SeriesKey, pd.Timestamp] | None = None,
    ) -> MarketBars:
        """Return the bars of every symbol in every timeframe, and those of the context.

        Every symbol's base series is loaded by the range of dates. The other series are joined to it by when their bars
        close: of each, no bar is loaded that closes after the last base bar does. A series that is not stored is made
        of the slowest faster one that is.

        Parameters
        ----------
        symbols, timeframes
            What to load; a series named twice is loaded once.
        start_date, end_date
            ISO dates, both inclusive, by a base bar's open in UTC; None is as far as bars go.
        lookback_bars
            Base bars wanted before `start_date` for warm-up; fewer where there are fewer.
        on_series
            Called after each series with its number from 1, how many there are, its key and the bars loaded.
        base_timeframe
            Whose bars are the rows; None is the fastest of `timeframes`.
        joined_lookback
            Of a joined timeframe: bars wanted for warm-up before the one that is the newest at the close of the first
            base bar loaded.
        context
            Series of any symbol and timeframe, joined to the base bars of all symbols: from the earliest to the latest.
            One that is a base series as well is loaded once, as far back as either asks for.
        first_bars
            Series that are loaded from the bar with this open, whatever warm-up asks for: as `MarketBars.first_bars`
            says of an earlier load, to read again what that one read although older bars have come since.

        Raises
        ------
        RequestError
            If a date or a timeframe is none, or the range runs backwards.
        UnknownSymbol, OnlySlowerBars, BadBars
            If a series is neither stored nor can be made, or holds bars that cannot be believed.
        NoBars
            If a base series has no bar in the range, or a joined one none by the end of it.
        """
        start, end = _parse_range(start_date, end_date)
        base_timeframe = base_timeframe or min(timeframes, key=_slowness)
        base_keys = list(dict.fromkeys(SeriesKey(symbol, base_timeframe) for symbol in symbols))
        own_keys = [SeriesKey(symbol, name) for symbol in symbols for name in sorted(timeframes, key=_slowness)]
        joined_keys = [key for key in dict.fromkeys([*own_keys, *context]) if key not in base_keys]
        available, joined, first = AvailableBars(self._source), joined_lookback or {}, first_bars or {}
        loaded = MarketBars({}, {}, {}, {}, base_timeframe)

        def known_of(key: SeriesKey) -> KnownBars:
            return available.read(key).since(first[key]) if key in first else available.read(key)

        def keep(key: SeriesKey, known: KnownBars, window: slice) -> None:
            loaded.series[key], loaded.closes[key] = known.bars.iloc[window], known.closes[window]
            if known.made_of is not None:
                loaded.resampled[key] = known.made_of
            if on_series is not None:
                on_series(len(loaded.series), len(base_keys) + len(joined_keys), key, len(loaded.series[key]))

        base = {key: known_of(key) for key in base_keys}
        ranges = {key: _positions(key, known, start, end) for key, known in base.items()}
        spans = {
            key.symbol: _Span(
                known.closes[max(0, ranges[key].start - lookback_bars)], known.closes[ranges[key].stop - 1]
            )
            for key, known in base.items()
        }
        of_all = _Span(min(span.first for span in spans.values()), max(span.last for span in spans.values()))
        for key, known in base.items():
            begin = 0 if key in first else max(0, ranges[key].start - lookback_bars)
            if key in context:
                begin = min(begin, _joined_window(key, known, of_all, joined.get(key.timeframe, 0)).start)
            loaded.n_lookback[key] = ranges[key].start - begin
            keep(key, known, slice(begin, ranges[key].stop))
        for key in joined_keys:
            known = known_of(key)
            span = of_all if key in context else spans[key.symbol]
            window = _joined_window(key, known, span, joined.get(key.timeframe, 0))
            keep(key, known, slice(0 if key in first else window.start, min(window.stop, _stop(known, end))))
        return loaded


@dataclass(frozen=True)
class _Span:
    """When the first and the last of the base bars loaded are known."""

    first: pd.Timestamp
    last: pd.Timestamp


def _slowness(timeframe: str) -> int:
    known = list(Timeframe)
    if timeframe not in known:
        advice = did_you_mean(timeframe, known) or f"Use one of {', '.join(known)}."
        raise RequestError("timeframes", f"{timeframe!r} is no timeframe", advice)
    return known.index(Timeframe(timeframe))


def _parse_range(start_date: str | None, end_date: str | None) -> tuple[dt.date | None, dt.date | None]:
    start, end = _parse_date("start_date", start_date), _parse_date("end_date", end_date)
    if start and end and start > end:
        raise RequestError("start_date", f"start_date {start} is after end_date {end}", "Exchange the two dates.")
    return start, end


def _parse_date(field: str, text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise RequestError(field, f"{text!r} is not a date", "Write YYYY-MM-DD.") from None


def _positions(key: SeriesKey, known: KnownBars, start: dt.date | None, end: dt.date | None) -> slice:
    """Return the positions of the bars in the range."""
    opens = known.bars.index
    first, stop = 0 if start is None else int(opens.searchsorted(pd.Timestamp(start, tz="UTC"))), _stop(known, end)
    if first >= stop:
        raise NoBars(str(key), f"{start or 'the first bar'} to {end or 'the last bar'}", known.stored_range)
    return slice(first, stop)


def _stop(known: KnownBars, end: dt.date | None) -> int:
    """Return the position after the last bar that opens by the end of the day `end`."""
    if end is None:
        return len(known.bars)
    return int(known.bars.index.searchsorted(pd.Timestamp(end, tz="UTC") + pd.Timedelta(days=1)))


def _joined_window(key: SeriesKey, known: KnownBars, span: _Span, lookback: int) -> slice:
    """Return the positions of the bars closed by the end of `span`, from `lookback` before the newest at its start."""
    n_closed_at_first = int(known.closes.searchsorted(span.first, side="right"))
    stop = int(known.closes.searchsorted(span.last, side="right"))
    if stop == 0:
        raise NoBars(str(key), f"the time up to {span.last}, none having closed", known.stored_range)
    return slice(max(0, n_closed_at_first - lookback - 1), stop)
