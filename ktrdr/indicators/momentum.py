"""Oscillators: how fast and how far price has moved. Where it has not moved they read neutral."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import talib

from ktrdr.data.bars import Bars
from ktrdr.indicators.base import (
    BoolArray,
    FloatArray,
    Indicator,
    Period,
    ShortPeriod,
    Source,
    column,
    is_still,
    neutral_where,
)

_SIMPLE = 0  # TA-Lib's matype


class RSI(Indicator):
    """Relative strength index: the share of recent movement that was upward, in [0, 100].

    50 while nothing has moved since the first bar; a market that stops later keeps its last reading, as Wilder's
    averages of gains and losses then shrink alike.

    Source: Wilder (1978), *New Concepts in Technical Trading Systems*, section 6; TA-Lib RSI. First value at bar
    `period`.
    """

    type: Literal["rsi"]
    period: Period = 14
    source: Source = "close"

    @property
    def warmup(self) -> int:
        return self.period

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        price = column(bars, self.source)
        since_first_bar = is_still(price, len(price) + 1)
        return (neutral_where(since_first_bar, talib.RSI(price, timeperiod=self.period), 50.0),)


class Stochastic(Indicator):
    """Slow stochastic: where the close stands in the range of the last `k_period` bars, in [0, 100].

    k is its mean over `smooth_k` bars, d the mean of k over `d_period`. A range of zero counts as 50.

    Source: Lane (1984), "Lane's Stochastics", *Technical Analysis of Stocks & Commodities* 2(3); TA-Lib STOCH.
    First values at bar `k_period + smooth_k + d_period - 3`.
    """

    outputs: ClassVar[tuple[str, ...]] = ("k", "d")

    type: Literal["stochastic"]
    k_period: Period = 14
    d_period: Period = 3
    smooth_k: Period = 3

    @property
    def warmup(self) -> int:
        return self.k_period + self.smooth_k + self.d_period - 3

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        high, low, close = (column(bars, name) for name in ("high", "low", "close"))
        raw, _ = talib.STOCHF(high, low, close, fastk_period=self.k_period, fastd_period=1, fastd_matype=_SIMPLE)
        raw = neutral_where(_has_no_range(high, low, self.k_period), raw, 50.0)
        k = talib.MA(raw, timeperiod=self.smooth_k, matype=_SIMPLE)
        d = talib.MA(k, timeperiod=self.d_period, matype=_SIMPLE)
        return np.where(np.isnan(d), np.nan, k), d  # TA-Lib gives k from where d begins


class WilliamsR(Indicator):
    """Williams %R: how far the close lies below the highest high of `period` bars, in [-100, 0]; -50 where flat.

    Source: Williams (1973), *How I Made One Million Dollars Last Year Trading Commodities*; TA-Lib WILLR. First value
    at bar `period - 1`.
    """

    type: Literal["williamsr"]
    period: Period = 14

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        high, low, close = (column(bars, name) for name in ("high", "low", "close"))
        values = talib.WILLR(high, low, close, timeperiod=self.period)
        return (neutral_where(_has_no_range(high, low, self.period), values, -50.0),)


class CCI(Indicator):
    """Commodity channel index: the typical price (h + l + c) / 3 from its mean, in 0.015 mean deviations; 0 where flat.

    Source: Lambert (1980), "Commodity Channel Index", *Commodities* magazine, October; TA-Lib CCI. First value at bar
    `period - 1`.
    """

    type: Literal["cci"]
    period: Period = 20

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        high, low, close = (column(bars, name) for name in ("high", "low", "close"))
        return (talib.CCI(high, low, close, timeperiod=self.period),)


class ROC(Indicator):
    """Rate of change over `period` bars, in per cent.

    Source: Murphy (1999), *Technical Analysis of the Financial Markets*, chapter 10; TA-Lib ROC. First value at bar
    `period`.
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
    """

    type: Literal["momentum"]
    period: ShortPeriod = 10
    source: Source = "close"

    @property
    def warmup(self) -> int:
        return self.period

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        return (talib.MOM(column(bars, self.source), timeperiod=self.period),)


def _has_no_range(high: FloatArray, low: FloatArray, n_bars: int) -> BoolArray:
    """Return where the highest high of the last `n_bars` is their lowest low."""
    has_no_range: BoolArray = (high == low) & is_still(high, n_bars) & is_still(low, n_bars)
    return has_no_range
