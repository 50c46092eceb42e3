"""How far price swings, and how wide its bands are."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import talib

from ktrdr.data.bars import Bars
from ktrdr.indicators.base import (
    SIMPLE,
    FloatArray,
    Indicator,
    Multiplier,
    Period,
    ShortPeriod,
    Source,
    column,
    columns,
    ratio,
)


class ATR(Indicator):
    """Average true range: Wilder's average of a bar's range, gaps from the close before included, in units of price.

    Source: Wilder (1978), *New Concepts in Technical Trading Systems*, section 3; TA-Lib ATR. First value at bar
    `period`.

    Examples
    --------
    The second bar reaches 4 up from the close before, the third spans 2: their mean is 3; then (3 + 5) / 2.

    >>> bars = pd.DataFrame({"high": [2, 5, 5, 9], "low": [0, 4, 3, 4], "close": [1, 4, 4, 6]})
    >>> ATR(type="atr", period=2).compute(bars)["value"].tolist()
    [nan, nan, 3.0, 4.0]
    """

    type: Literal["atr"]
    period: ShortPeriod = 14

    @property
    def warmup(self) -> int:
        return self.period

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        return (talib.ATR(*columns(bars, "high", "low", "close"), timeperiod=self.period),)


class BollingerBands(Indicator):
    """Bollinger bands: the SMA, and `multiplier` population standard deviations above and below it.

    In the units of its source.

    Source: Bollinger (2001), *Bollinger on Bollinger Bands*; TA-Lib BBANDS. First values at bar `period - 1`.

    Examples
    --------
    Of 1 and 3 the mean is 2, the deviation 1.

    >>> bands = BollingerBands(type="bollingerbands", period=2, multiplier=3)
    >>> bands.compute(pd.DataFrame({"close": [1, 3]})).iloc[1].tolist()
    [5.0, 2.0, -1.0]
    """

    outputs: ClassVar[tuple[str, ...]] = ("upper", "middle", "lower")

    type: Literal["bollingerbands", "bbands"]
    period: Period = 20
    multiplier: Multiplier = 2.0
    source: Source = "close"

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        return _bollinger(column(bars, self.source), self.period, self.multiplier)


class BollingerBandwidth(Indicator):
    """Width of the close's Bollinger bands as a share of the middle one: (upper - lower) / middle; 0 where flat.

    Source: Bollinger (2001), *Bollinger on Bollinger Bands*, on BandWidth; TA-Lib BBANDS. First value at bar
    `period - 1`.

    Examples
    --------
    Bands at 4 and 0 about 2; then at 5 and 1 about 3.

    >>> width = BollingerBandwidth(type="bollingerbandwidth", period=2)
    >>> width.compute(pd.DataFrame({"close": [1, 3, 3]}))["value"].tolist()
    [nan, 2.0, 0.0]
    """

    type: Literal["bollingerbandwidth"]
    period: Period = 20
    multiplier: Multiplier = 2.0

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        upper, middle, lower = _bollinger(column(bars, "close"), self.period, self.multiplier)
        return ((upper - lower) / middle,)


class KeltnerChannels(Indicator):
    """Keltner channels: the EMA of the close, and `multiplier` average true ranges above and below it.

    Source: Keltner (1960), *How to Make Money in Commodities*, in Raschke's later form with the EMA and the average
    true range; TA-Lib EMA and ATR. First value of middle at bar `period - 1`, of the others at the later of it and
    `atr_period`.

    Examples
    --------
    The EMA of 1, 3 and 4 is (1 + 3) / 2 = 2, then 2/3 x 4 + 1/3 x 2; true ranges are 2 and 1.

    >>> bars = pd.DataFrame({"high": [1, 3, 4], "low": [1, 3, 4], "close": [1, 3, 4]})
    >>> keltner = KeltnerChannels(type="keltnerchannels", period=2, atr_period=2, multiplier=2)
    >>> keltner.compute(bars).iloc[2].round(3).tolist()
    [6.333, 3.333, 0.333]
    """

    outputs: ClassVar[tuple[str, ...]] = ("upper", "middle", "lower")

    type: Literal["keltnerchannels"]
    period: Period = 20
    atr_period: Period = 10
    multiplier: Multiplier = 2.0

    @property
    def warmup(self) -> int:
        return max(self.period - 1, self.atr_period)

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        high, low, close = columns(bars, "high", "low", "close")
        middle = talib.EMA(close, timeperiod=self.period)
        reach = self.multiplier * talib.ATR(high, low, close, timeperiod=self.atr_period)
        return middle + reach, middle, middle - reach


class DonchianChannels(Indicator):
    """Donchian channels: the highest high and the lowest low of the last `period` bars, and their mean.

    Source: Faith (2007), *Way of the Turtle*, on Donchian's channel; TA-Lib MAX and MIN. First values at bar
    `period - 1`.

    Examples
    --------
    >>> bars = pd.DataFrame({"high": [5, 4, 3], "low": [3, 2, 2]})
    >>> DonchianChannels(type="donchianchannels", period=2).compute(bars).iloc[1:].to_numpy().tolist()
    [[5.0, 3.5, 2.0], [4.0, 3.0, 2.0]]
    """

    outputs: ClassVar[tuple[str, ...]] = ("upper", "middle", "lower")

    type: Literal["donchianchannels"]
    period: Period = 20

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        high, low = columns(bars, "high", "low")
        upper, lower = talib.MAX(high, timeperiod=self.period), talib.MIN(low, timeperiod=self.period)
        return upper, (upper + lower) / 2, lower


class SqueezeIntensity(Indicator):
    """How far Bollinger bands lie inside Keltner channels: 1 - their quotient of widths, not below 0, in [0, 1].

    Keltner's average true range is over `kc_period`. 0 where flat: while nothing has moved since the first bar.

    Source: Carter (2005), *Mastering the Trade*, on the squeeze; TA-Lib BBANDS and ATR. First value at the later of
    the bars `bb_period - 1` and `kc_period`.

    Examples
    --------
    Closes 2 and 3 deviate by 1/2 from their mean; the mean of the true ranges 4 and 4 is 4: 1 - 0.5 / 4.

    >>> bars = pd.DataFrame({"high": [3, 4, 5], "low": [1, 0, 1], "close": [2, 2, 3]})
    >>> squeeze = SqueezeIntensity(type="squeezeintensity", bb_period=2, kc_period=2)
    >>> squeeze.compute(bars)["value"].tolist()
    [nan, nan, 0.875]
    """

    type: Literal["squeezeintensity"]
    bb_period: Period = 20
    bb_multiplier: Multiplier = 2.0
    kc_period: Period = 20
    kc_multiplier: Multiplier = 2.0

    @property
    def warmup(self) -> int:
        return max(self.bb_period - 1, self.kc_period)

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        high, low, close = columns(bars, "high", "low", "close")
        upper, _, lower = _bollinger(close, self.bb_period, self.bb_multiplier)
        keltner_width = 2 * self.kc_multiplier * talib.ATR(high, low, close, timeperiod=self.kc_period)
        return (np.maximum(0.0, 1 - ratio(upper - lower, keltner_width, keltner_width == 0, 1.0)),)


def _bollinger(price: FloatArray, period: int, multiplier: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    upper, middle, lower = talib.BBANDS(price, timeperiod=period, nbdevup=multiplier, nbdevdn=multiplier, matype=SIMPLE)
    return upper, middle, lower
