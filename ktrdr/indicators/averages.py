"""Moving averages, in the units of their source."""

from __future__ import annotations

from typing import Literal

import talib

from ktrdr.data.bars import Bars
from ktrdr.indicators.base import FloatArray, Indicator, Period, ShortPeriod, Source, column

_EXPONENTIAL = 1  # TA-Lib's matype


class SMA(Indicator):
    """Simple moving average: the mean of the last `period` values.

    Source: Murphy (1999), *Technical Analysis of the Financial Markets*, chapter 9; TA-Lib SMA. First value at bar
    `period - 1`.
    """

    type: Literal["sma"]
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
    """

    type: Literal["ema"]
    period: ShortPeriod = 20
    source: Source = "close"

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        # talib.EMA refuses a period of 1; talib.MA is the same formula and does not
        return (talib.MA(column(bars, self.source), timeperiod=self.period, matype=_EXPONENTIAL),)


class WMA(Indicator):
    """Linearly weighted moving average: the newest of `period` values weighs `period`, the oldest 1.

    Source: Murphy (1999), *Technical Analysis of the Financial Markets*, chapter 9; TA-Lib WMA. First value at bar
    `period - 1`.
    """

    type: Literal["wma"]
    period: Period = 20
    source: Source = "close"

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        return (talib.WMA(column(bars, self.source), timeperiod=self.period),)
