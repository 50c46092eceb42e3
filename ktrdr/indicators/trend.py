"""Direction and strength of a trend."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import talib
from pydantic import Field, model_validator

from ktrdr.data.bars import Bars
from ktrdr.declaration import conflict
from ktrdr.indicators.base import FloatArray, Indicator, Multiplier, Period, Source, column, columns

Displacement = Annotated[int, Field(ge=0, le=500, description="bars")]
Acceleration = Annotated[float, Field(gt=0, le=10, description="share of the way to the extreme, a bar")]


class MACD(Indicator):
    """Moving average convergence/divergence: fast EMA less slow EMA (line), its EMA (signal), their difference.

    In the units of its source.

    Source: Appel (2005), *Technical Analysis: Power Tools for Active Investors*; TA-Lib MACD. First values at bar
    `slow_period + signal_period - 2`.

    Examples
    --------
    The EMAs run from 2 and 3 bars: 4.5, 7.5 (fast) and 3, 6 (slow), so that the line is 1.5 twice.

    >>> macd = MACD(type="macd", fast_period=2, slow_period=3, signal_period=2)
    >>> macd.compute(pd.DataFrame({"close": [0, 3, 6, 9]})).iloc[3].tolist()
    [1.5, 1.5, 0.0]
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
    First value of adx at bar `2 period - 1`; the directional indicators are there from bar `period`.

    Examples
    --------
    Every bar is 1 higher than the one before and 2 wide: all movement is upward, and half of the true range.

    >>> bars = pd.DataFrame({"high": [2, 3, 4, 5], "low": [0, 1, 2, 3], "close": [1, 2, 3, 4]})
    >>> ADX(type="adx", period=2).compute(bars).iloc[3].tolist()
    [100.0, 50.0, 0.0]
    """

    outputs: ClassVar[tuple[str, ...]] = ("adx", "plus_di", "minus_di")

    type: Literal["adx"]
    period: Period = 14

    @property
    def warmup(self) -> int:
        return 2 * self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        prices = columns(bars, "high", "low", "close")
        return tuple(formula(*prices, timeperiod=self.period) for formula in (talib.ADX, talib.PLUS_DI, talib.MINUS_DI))


class Aroon(Indicator):
    """Aroon: how recent the highest high (up) and the lowest low (down) are, in [0, 100], and their difference.

    100 at the extreme itself, 0 where it lies `period` bars back; of equal extremes the latest counts, so that both
    read 100 in a flat market.

    Source: Chande (1995), "A Time Price Oscillator", *Technical Analysis of Stocks & Commodities* 13(9); TA-Lib AROON.
    First values at bar `period`.

    Examples
    --------
    The highest high is one of four bars back, the lowest low four of four.

    >>> bars = pd.DataFrame({"high": [5, 6, 7, 9, 8], "low": [1, 2, 3, 4, 5]})
    >>> Aroon(type="aroon", period=4).compute(bars).iloc[4].tolist()
    [75.0, 0.0, 75.0]
    """

    outputs: ClassVar[tuple[str, ...]] = ("up", "down", "oscillator")

    type: Literal["aroon"]
    period: Period = 14

    @property
    def warmup(self) -> int:
        return self.period

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        down, up = talib.AROON(*columns(bars, "high", "low"), timeperiod=self.period)
        return up, down, up - down


class ParabolicSAR(Indicator):
    """Parabolic stop and reverse: a stop that follows the trend and accelerates with every further extreme.

    Below price in a rise, above it in a fall. The acceleration starts at `initial_af` and grows by `step_af` up to
    `max_af`, which neither may exceed.

    Source: Wilder (1978), *New Concepts in Technical Trading Systems*, section 2; TA-Lib SAR, and where the first two
    differ the absolute value of SAREXT. First value at bar 1.

    Examples
    --------
    A rise begins at the low 1; half of the way from there to the high 3 is 2.

    >>> bars = pd.DataFrame({"high": [2, 3, 4], "low": [1, 2, 3]})
    >>> sar = ParabolicSAR(type="parabolicsar", initial_af=0.5, step_af=0.5, max_af=0.5)
    >>> sar.compute(bars)["value"].tolist()
    [nan, 1.0, 2.0]
    """

    type: Literal["parabolicsar"]
    initial_af: Acceleration = 0.02
    step_af: Acceleration = 0.02
    max_af: Acceleration = 0.2

    @model_validator(mode="after")
    def _stays_below_its_maximum(self) -> ParabolicSAR:
        for name in ("initial_af", "step_af"):
            if getattr(self, name) > self.max_af:
                message = f"{name} {getattr(self, name):g} must not be greater than max_af {self.max_af:g}"
                raise conflict(message, name, "max_af")
        return self

    @property
    def warmup(self) -> int:
        return 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        prices = columns(bars, "high", "low")
        if self.initial_af == self.step_af:
            return (talib.SAR(*prices, acceleration=self.step_af, maximum=self.max_af),)
        signed = talib.SAREXT(
            *prices,
            accelerationinitlong=self.initial_af,
            accelerationlong=self.step_af,
            accelerationmaxlong=self.max_af,
            accelerationinitshort=self.initial_af,
            accelerationshort=self.step_af,
            accelerationmaxshort=self.max_af,
        )
        return (np.abs(signed),)  # negative in a fall


class SuperTrend(Indicator):
    """SuperTrend: a stop `multiplier` average true ranges from the middle of the bar that only moves with the trend.

    trend is the line, direction +1 where it lies below price and -1 where above.

    Source: Seban (2008), *Tout le monde mérite d'être riche*; TA-Lib SUPERTREND. First values at bar `period`.

    Examples
    --------
    Every bar is 2 higher and 2 wide, the true range 3: the line lies 3 below the middle of the bar.

    >>> bars = pd.DataFrame({"high": [2, 4, 6, 8], "low": [0, 2, 4, 6], "close": [1, 3, 5, 7]})
    >>> SuperTrend(type="supertrend", period=2, multiplier=1).compute(bars).iloc[2:].to_numpy().tolist()
    [[2.0, 1.0], [4.0, 1.0]]
    """

    outputs: ClassVar[tuple[str, ...]] = ("trend", "direction")

    type: Literal["supertrend"]
    period: Period = 10
    multiplier: Multiplier = 3.0

    @property
    def warmup(self) -> int:
        return self.period

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        prices = columns(bars, "high", "low", "close")
        line, direction = talib.SUPERTREND(*prices, timeperiod=self.period, multiplier=self.multiplier)
        return line, np.where(np.isnan(line), np.nan, direction)  # a whole number in TA-Lib, 0 before the first


class Ichimoku(Indicator):
    """Ichimoku cloud: middles of price ranges, the two of the cloud from `displacement` bars ago.

    tenkan, kijun: the middle between the highest high and the lowest low of as many bars. senkou_a: the mean of the
    two, senkou_b: the middle over `senkou` bars, each at bar t as it was at `t - displacement`. The lagging line
    (chikou) is left out: it is the close of a later bar.

    Source: Patel (2010), *Trading with Ichimoku Clouds*, after Hosoda (1969); the middles are TA-Lib MIDPRICE. First
    values of tenkan and kijun at one bar less than their own, of all at `displacement` after the last of the three.

    Examples
    --------
    Middles of two bars are 2 and 3, of three 2.5; their mean is 2.75 and comes, with 2.5, one bar later.

    >>> bars = pd.DataFrame({"high": [2, 3, 4, 9], "low": [1, 1, 2, 3]})
    >>> cloud = Ichimoku(type="ichimoku", tenkan=2, kijun=3, senkou=3, displacement=1)
    >>> cloud.compute(bars).iloc[2:].to_numpy().tolist()
    [[2.5, 2.5, nan, nan], [5.5, 5.0, 2.5, 2.5]]
    """

    outputs: ClassVar[tuple[str, ...]] = ("tenkan", "kijun", "senkou_a", "senkou_b")

    type: Literal["ichimoku"]
    tenkan: Period = 9
    kijun: Period = 26
    senkou: Period = 52
    displacement: Displacement = 26

    @property
    def warmup(self) -> int:
        return max(self.tenkan, self.kijun, self.senkou) - 1 + self.displacement

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        high, low = columns(bars, "high", "low")
        tenkan, kijun, senkou = (
            talib.MIDPRICE(high, low, timeperiod=n_bars) for n_bars in (self.tenkan, self.kijun, self.senkou)
        )
        senkou_a = _delayed((tenkan + kijun) / 2, self.displacement)
        return tenkan, kijun, senkou_a, _delayed(senkou, self.displacement)


def _delayed(values: FloatArray, n_bars: int) -> FloatArray:
    delayed = np.full(len(values), np.nan)
    delayed[n_bars:] = values[: max(len(values) - n_bars, 0)]
    return delayed
