"""Moving averages, in the units of their source, and the distance from one."""

from __future__ import annotations

from typing import Literal

import talib

from ktrdr.data.bars import Bars
from ktrdr.indicators.base import (
    EXPONENTIAL,
    FloatArray,
    Indicator,
    Period,
    ShortPeriod,
    Source,
    column,
    none_within,
    ratio,
)


class SMA(Indicator):
    """Simple moving average: the mean of the last `period` values.

    Source: Murphy (1999), *Technical Analysis of the Financial Markets*, chapter 9; TA-Lib SMA. First value at bar
    `period - 1`.

    Examples
    --------
    >>> SMA(type="sma", period=3).compute(pd.DataFrame({"close": [1, 2, 6, 4, 11]}))["value"].tolist()
    [nan, nan, 3.0, 4.0, 7.0]
    """

    type: Literal["sma", "simplemovingaverage"]
    period: Period = 20
    source: Source = "close"

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        return (talib.SMA(column(bars, self.source), timeperiod=self.period),)


class EMA(Indicator):
    """Exponential moving average: each value weighs 2 / (period + 1), seeded by the SMA of the first `period` values.

    Source: Murphy (1999), *Technical Analysis of the Financial Markets*, chapter 9; TA-Lib EMA. First value at bar
    `period - 1`; with period 1 it is the source itself.

    Examples
    --------
    The mean of 1, 2 and 6 is 3; then half of the new price and half of the average before.

    >>> EMA(type="ema", period=3).compute(pd.DataFrame({"close": [1, 2, 6, 4, 11]}))["value"].tolist()
    [nan, nan, 3.0, 3.5, 7.25]
    """

    type: Literal["ema", "exponentialmovingaverage"]
    period: ShortPeriod = 20
    source: Source = "close"

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        return (_ema(column(bars, self.source), self.period),)


class WMA(Indicator):
    """Linearly weighted moving average: the newest of `period` values weighs `period`, the oldest 1.

    Source: Murphy (1999), *Technical Analysis of the Financial Markets*, chapter 9; TA-Lib WMA. First value at bar
    `period - 1`.

    Examples
    --------
    (1 x 1 + 2 x 2 + 3 x 6) / 6 is 23 / 6.

    >>> WMA(type="wma", period=3).compute(pd.DataFrame({"close": [1, 2, 6, 3]}))["value"].round(3).tolist()
    [nan, nan, 3.833, 3.833]
    """

    type: Literal["wma", "weightedmovingaverage"]
    period: Period = 20
    source: Source = "close"

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        return (talib.WMA(column(bars, self.source), timeperiod=self.period),)


class DistanceFromMA(Indicator):
    """Distance of the source from its own moving average, in per cent of the average; 0 where both are 0.

    Source: Nison (1994), *Beyond Candlesticks*, on the disparity index; the averages are TA-Lib SMA and EMA. First
    value at bar `period - 1`.

    Examples
    --------
    Averages of two closes are 4 and 5.

    >>> DistanceFromMA(type="distancefromma", period=2).compute(pd.DataFrame({"close": [3, 5, 5]}))["value"].tolist()
    [nan, 25.0, 0.0]
    """

    type: Literal["distancefromma"]
    period: Period = 20
    ma_type: Literal["sma", "ema"] = "sma"
    source: Source = "close"

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        source = column(bars, self.source)
        is_simple = self.ma_type == "sma"
        average = talib.SMA(source, timeperiod=self.period) if is_simple else _ema(source, self.period)
        # An exponential average remembers all bars; it is 0 only while nothing but 0 has come.
        n_remembered = self.period if is_simple else len(source) + 1
        return (100 * ratio(source - average, average, none_within(source != 0, n_remembered), 0.0),)


def _ema(source: FloatArray, period: int) -> FloatArray:
    # talib.EMA refuses a period of 1 in some releases; talib.MA is the same formula and does not
    average: FloatArray = talib.MA(source, timeperiod=period, matype=EXPONENTIAL)
    return average
