"""How far price swings."""

from __future__ import annotations

from typing import ClassVar, Literal

import talib

from ktrdr.data.bars import Bars
from ktrdr.indicators.base import FloatArray, Indicator, Multiplier, Period, ShortPeriod, Source, column

_SIMPLE = 0  # TA-Lib's matype


class ATR(Indicator):
    """Average true range: Wilder's average of a bar's range, gaps from the close before included, in units of price.

    Source: Wilder (1978), *New Concepts in Technical Trading Systems*, section 3; TA-Lib ATR. First value at bar
    `period`.
    """

    type: Literal["atr"]
    period: ShortPeriod = 14

    @property
    def warmup(self) -> int:
        return self.period

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        prices = [column(bars, name) for name in ("high", "low", "close")]
        return (talib.ATR(*prices, timeperiod=self.period),)


class BollingerBands(Indicator):
    """Bollinger bands: the SMA, and `multiplier` population standard deviations above and below it.

    In the units of its source.

    Source: Bollinger (2001), *Bollinger on Bollinger Bands*; TA-Lib BBANDS. First values at bar `period - 1`.
    """

    outputs: ClassVar[tuple[str, ...]] = ("upper", "middle", "lower")

    type: Literal["bollingerbands"]
    period: Period = 20
    multiplier: Multiplier = 2.0
    source: Source = "close"

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        upper, middle, lower = talib.BBANDS(
            column(bars, self.source),
            timeperiod=self.period,
            nbdevup=self.multiplier,
            nbdevdn=self.multiplier,
            matype=_SIMPLE,
        )
        return upper, middle, lower
