"""Direction and strength of a trend."""

from __future__ import annotations

from typing import ClassVar, Literal

import talib
from pydantic import model_validator

from ktrdr.data.bars import Bars
from ktrdr.declaration import conflict
from ktrdr.indicators.base import FloatArray, Indicator, Period, Source, column


class MACD(Indicator):
    """Moving average convergence/divergence: fast EMA less slow EMA (line), its EMA (signal), their difference.

    In the units of its source.

    Source: Appel (2005), *Technical Analysis: Power Tools for Active Investors*; TA-Lib MACD. First values at bar
    `slow_period + signal_period - 2`.
    """

    outputs: ClassVar[tuple[str, ...]] = ("line", "signal", "histogram")

    type: Literal["macd"]
    fast_period: Period = 12
    slow_period: Period = 26
    signal_period: Period = 9
    source: Source = "close"

    @model_validator(mode="after")
    def _fast_is_faster(self) -> MACD:
        if self.fast_period >= self.slow_period:
            message = f"fast_period {self.fast_period} must be less than slow_period {self.slow_period}"
            raise conflict(message, "fast_period", "slow_period")
        return self

    @property
    def warmup(self) -> int:
        return self.slow_period + self.signal_period - 2

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        line, signal, histogram = talib.MACD(
            column(bars, self.source),
            fastperiod=self.fast_period,
            slowperiod=self.slow_period,
            signalperiod=self.signal_period,
        )
        return line, signal, histogram


class ADX(Indicator):
    """Average directional index: the strength of a trend either way, and the directional indicators, in [0, 100].

    Source: Wilder (1978), *New Concepts in Technical Trading Systems*, section 4; TA-Lib ADX, PLUS_DI, MINUS_DI.
    First adx at bar `2 period - 1`; the directional indicators are there from bar `period`.
    """

    outputs: ClassVar[tuple[str, ...]] = ("adx", "plus_di", "minus_di")

    type: Literal["adx"]
    period: Period = 14

    @property
    def warmup(self) -> int:
        return 2 * self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        prices = [column(bars, name) for name in ("high", "low", "close")]
        return tuple(formula(*prices, timeperiod=self.period) for formula in (talib.ADX, talib.PLUS_DI, talib.MINUS_DI))
