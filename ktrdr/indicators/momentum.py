"""How fast and how far price has moved. Where it has not moved, bounded readings are neutral."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import talib

from ktrdr.data.bars import Bars
from ktrdr.indicators.base import (
    FloatArray,
    Indicator,
    Period,
    ShortPeriod,
    Source,
    column,
    columns,
    none_within,
    ratio,
)


class RSI(Indicator):
    """Relative strength index: the share of recent movement that was upward, in [0, 100].

    50 while nothing has moved since the first bar; a market that stops later keeps its last reading, as Wilder's
    averages of gains and losses then shrink alike.

    Source: Wilder (1978), *New Concepts in Technical Trading Systems*, section 6; TA-Lib RSI. First value at bar
    `period`.

    Examples
    --------
    Of the first three changes the mean gain is 2/3, the mean loss 1/3; then (2 x 2/3 + 2) / 3 and (2 x 1/3) / 3.

    >>> closes = pd.DataFrame({"close": [10, 11, 12, 11, 13]})
    >>> RSI(type="rsi", period=3).compute(closes)["value"].round(3).tolist()
    [nan, nan, nan, 66.667, 83.333]
    """

    type: Literal["rsi"]
    period: Period = 14
    source: Source = "close"

    @property
    def warmup(self) -> int:
        return self.period

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        price = column(bars, self.source)
        values: FloatArray = talib.RSI(price, timeperiod=self.period)
        has_moved = price[1:] != price[:-1]
        n_still = 1 + int(has_moved.argmax()) if has_moved.any() else len(price)
        values[self.period : n_still] = 50.0
        return (values,)


class CCI(Indicator):
    """Commodity channel index: the typical price (h + l + c) / 3 from its mean, in 0.015 mean deviations; 0 where flat.

    Source: Lambert (1980), "Commodity Channel Index", *Commodities* magazine, October; TA-Lib CCI. First value at bar
    `period - 1`.

    Examples
    --------
    Of 1, 2 and 6 the mean is 3, the mean deviation 2: (6 - 3) / (0.015 x 2).

    >>> bars = pd.DataFrame({name: [1, 2, 6] for name in ("high", "low", "close")})
    >>> CCI(type="cci", period=3).compute(bars)["value"].round(9).tolist()
    [nan, nan, 100.0]
    """

    type: Literal["cci"]
    period: Period = 20

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        return (talib.CCI(*columns(bars, "high", "low", "close"), timeperiod=self.period),)


class ROC(Indicator):
    """Rate of change over `period` bars, in per cent.

    Source: Murphy (1999), *Technical Analysis of the Financial Markets*, chapter 10; TA-Lib ROC. First value at bar
    `period`.

    Examples
    --------
    >>> ROC(type="roc", period=2).compute(pd.DataFrame({"close": [4, 5, 5, 10]}))["value"].tolist()
    [nan, nan, 25.0, 100.0]
    """

    type: Literal["roc"]
    period: ShortPeriod = 10
    source: Source = "close"

    @property
    def warmup(self) -> int:
        return self.period

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        return (talib.ROC(column(bars, self.source), timeperiod=self.period),)


class Momentum(Indicator):
    """Change over `period` bars, in the units of its source.

    Source: Murphy (1999), *Technical Analysis of the Financial Markets*, chapter 10; TA-Lib MOM. First value at bar
    `period`.

    Examples
    --------
    >>> Momentum(type="momentum", period=2).compute(pd.DataFrame({"close": [4, 5, 5, 4]}))["value"].tolist()
    [nan, nan, 1.0, -1.0]
    """

    type: Literal["momentum"]
    period: ShortPeriod = 10
    source: Source = "close"

    @property
    def warmup(self) -> int:
        return self.period

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        return (talib.MOM(column(bars, self.source), timeperiod=self.period),)


class RVI(Indicator):
    """Relative vigor index: how much of their range bars keep from open to close, in [-1, 1]; 0 where flat.

    Close - open and high - low are each weighted 1, 2, 2, 1 over four bars and averaged over `period`; rvi is their
    quotient, signal its mean over `signal` bars.

    Source: Ehlers (2002), "Relative Vigor Index", *Technical Analysis of Stocks & Commodities* 20(1); the means are
    TA-Lib SMA. First value of rvi at bar `period + 2`, of signal at `period + signal + 1`.

    Examples
    --------
    Every bar has a range of 4, and rises by 2 until the last one falls by 4: at the end w(c - o) is
    (-4 + 2 x 2 + 2 x 2 + 2) / 6 = 1 after 2, and w(h - l) is 4.

    >>> bars = pd.DataFrame({"open": [1, 1, 1, 1, 4], "high": 4, "low": 0, "close": [3, 3, 3, 3, 0]})
    >>> RVI(type="rvi", period=2, signal=2).compute(bars)["rvi"].tolist()
    [nan, nan, nan, nan, 0.375]
    """

    outputs: ClassVar[tuple[str, ...]] = ("rvi", "signal")

    type: Literal["rvi"]
    period: Period = 10
    signal: Period = 4

    @property
    def warmup(self) -> int:
        return self.period + self.signal + 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        opened, high, low, close = columns(bars, "open", "high", "low", "close")
        body = talib.SMA(_weighted(close - opened), timeperiod=self.period)
        reach = talib.SMA(_weighted(high - low), timeperiod=self.period)
        rvi = ratio(body, reach, none_within(high != low, self.period + 3), 0.0)
        return rvi, talib.SMA(rvi, timeperiod=self.signal)


def _weighted(x: FloatArray) -> FloatArray:
    """Return (x + 2 x_1 + 2 x_2 + x_3) / 6 of each value and the three before it."""
    weighted = np.full(len(x), np.nan)
    weighted[3:] = (x[3:] + 2 * x[2:-1] + 2 * x[1:-2] + x[:-3]) / 6
    return weighted
