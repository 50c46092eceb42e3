"""Bars that come with the question, in place of stored ones."""

from __future__ import annotations

from ktrdr.data import Bars, SeriesInfo, SeriesKey, Timeframe, check_bars
from ktrdr.data.closes import shows_weekend_trading
from ktrdr.errors import BadBars, RequestError, UnknownSymbol
from ktrdr.strategy import Strategy

_ADVICE = "Correct the bars and send them again."


class SentBars:
    """A `BarSource` of one series.

    Parameters
    ----------
    key, bars
        The series.
    trades_weekends
        Whether the symbol trades on weekends; None: whether a bar opens on a Saturday, which weekly bars never do.

    Raises
    ------
    BadBars
        If there are none, or they break the conventions of `ktrdr.data.bars`.
    """

    def __init__(self, key: SeriesKey, bars: Bars, trades_weekends: bool | None = None) -> None:
        if bars.empty:
            raise BadBars(f"The bars sent as {key}", "there are none", "Send at least one bar.")
        check_bars(bars, f"The bars sent as {key}", timeframe=key.timeframe, advice=_ADVICE)
        shown = shows_weekend_trading(bars.index, key.timeframe) if trades_weekends is None else trades_weekends
        first, last = (bars.index[at].date().isoformat() for at in (0, -1))
        self._key, self._bars = key, bars
        self._info = SeriesInfo(*key, first, last, len(bars), bool(shown))

    def catalog(self) -> list[SeriesInfo]:
        """Return the one series."""
        return [self._info]

    def read(self, key: SeriesKey) -> Bars:
        """Return its bars.

        Raises
        ------
        UnknownSymbol
            If another series is asked for.
        """
        if key != self._key:
            raise UnknownSymbol(str(key), (str(self._key),))
        return self._bars


def refuse_other_series(strategy: Strategy, key: SeriesKey, model_id: str) -> None:
    """Refuse a model that reads series that cannot be made of `key`: other symbols, faster bars.

    Raises
    ------
    RequestError
        Naming them.
    """
    timeframes = list(Timeframe)
    own = (SeriesKey(key.symbol, timeframe) for timeframe in strategy.timeframes_read)
    others = [
        str(read)
        for read in dict.fromkeys([*own, *strategy.context])
        if read.symbol != key.symbol
        or timeframes.index(Timeframe(read.timeframe)) < timeframes.index(Timeframe(key.timeframe))
    ]
    if others:
        raise RequestError(
            "bars",
            f"{model_id} also reads {', '.join(others)}, which cannot be made of bars of {key}.",
            "Import the series with `ktrdr data import`, and ask by symbol and dates.",
        )
