"""Where price stands in the range of recent bars. Where there is no range it reads the middle."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
import talib

from ktrdr.data.bars import Bars
from ktrdr.indicators.base import (
    SIMPLE,
    BoolArray,
    FloatArray,
    Indicator,
    Period,
    column,
    columns,
    is_still,
    neutral_where,
    ratio,
)

_LIMIT = 0.999  # the transform is infinite at 1


class Stochastic(Indicator):
    """Slow stochastic: where the close stands in the range of the last `k_period` bars, in [0, 100].

    k is its mean over `smooth_k` bars, d the mean of k over `d_period`. A range of zero counts as 50.

    Source: Lane (1984), "Lane's Stochastics", *Technical Analysis of Stocks & Commodities* 2(3); TA-Lib STOCH.
    First values at bar `k_period + smooth_k + d_period - 3`.

    Examples
    --------
    In ranges of two bars the close stands at the top, at the top, at the bottom, at the top: 100, 100, 0, 100.

    >>> bars = pd.DataFrame({name: [1, 2, 3, 2, 5] for name in ("high", "low", "close")})
    >>> Stochastic(type="stochastic", k_period=2, smooth_k=2, d_period=2).compute(bars).iloc[3:].to_numpy().tolist()
    [[50.0, 75.0], [50.0, 50.0]]
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
        high, low, close = columns(bars, "high", "low", "close")
        raw, _ = talib.STOCHF(high, low, close, fastk_period=self.k_period, fastd_period=1, fastd_matype=SIMPLE)
        raw = _middle_where_flat(raw, high, low, self.k_period, 50.0)
        k = talib.MA(raw, timeperiod=self.smooth_k, matype=SIMPLE)
        d = talib.MA(k, timeperiod=self.d_period, matype=SIMPLE)
        k[np.isnan(d)] = np.nan  # TA-Lib gives k from where d begins
        # a running mean keeps the rounding of bars that have left it
        n_bars = self.k_period + self.smooth_k - 1
        k = _middle_where_flat(k, high, low, n_bars, 50.0)
        return k, _middle_where_flat(d, high, low, n_bars + self.d_period - 1, 50.0)


class WilliamsR(Indicator):
    """Williams %R: how far the close lies below the highest high of `period` bars, in [-100, 0]; -50 where flat.

    Source: Williams (1973), *How I Made One Million Dollars Last Year Trading Commodities*; TA-Lib WILLR. First value
    at bar `period - 1`.

    Examples
    --------
    The range is 1 to 5; the close lies 1 below its top.

    >>> bars = pd.DataFrame({"high": [3, 5], "low": [1, 2], "close": [2, 4]})
    >>> WilliamsR(type="williamsr", period=2).compute(bars)["value"].tolist()
    [nan, -25.0]
    """

    type: Literal["williamsr"]
    period: Period = 14

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        high, low, close = columns(bars, "high", "low", "close")
        values = talib.WILLR(high, low, close, timeperiod=self.period)
        return (_middle_where_flat(values, high, low, self.period, -50.0),)


class FisherTransform(Indicator):
    """Fisher transform: the place of (high + low) / 2 in its range of `period` bars, stretched at the ends.

    The place z is in [-1, 1] (0 where flat). It is smoothed, v = a z + (1 - a) v_prev with a = 2 / (smoothing + 1),
    and kept within +-0.999; fisher = ln((1 + v) / (1 - v)) / 2 + fisher_prev / 2. Both start at 0. signal is fisher
    one bar ago.

    Source: Ehlers (2002), "Using the Fisher Transform", *Technical Analysis of Stocks & Commodities* 20(11); the range
    is TA-Lib MIN and MAX. First value of fisher at bar `period - 1`, of signal at bar `period`.

    Examples
    --------
    At the top of its range, z = 1 and v = 2/3: ln(5) / 2. Then at the bottom, v = -2/3 + 2/9 = -4/9:
    ln(5/13) / 2 + ln(5) / 4.

    >>> bars = pd.DataFrame({"high": [2, 3, 2], "low": [0, 1, 0]})
    >>> FisherTransform(type="fishertransform", period=2, smoothing=2).compute(bars)["fisher"].round(4).tolist()
    [nan, 0.8047, -0.0754]
    """

    outputs: ClassVar[tuple[str, ...]] = ("fisher", "signal")

    type: Literal["fishertransform"]
    period: Period = 10
    smoothing: Period = 3

    @property
    def warmup(self) -> int:
        return self.period

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        middle = column(bars, "hl2")
        lowest, highest = talib.MIN(middle, timeperiod=self.period), talib.MAX(middle, timeperiod=self.period)
        place = ratio(2 * (middle - lowest), highest - lowest, highest == lowest, 1.0) - 1
        fisher = _stretched(place, 2 / (self.smoothing + 1))
        signal = np.full(len(fisher), np.nan)
        signal[1:] = fisher[:-1]
        return fisher, signal


def _stretched(place: FloatArray, weight: float) -> FloatArray:
    """Return the transform of the smoothed places, a recursion from the first place that there is."""
    is_known = ~np.isnan(place)
    first = int(is_known.argmax()) if is_known.any() else len(place)
    stretched = [math.nan] * first
    v = fisher = 0.0
    for z in place[first:].tolist():
        v = weight * z + (1 - weight) * v
        v = _LIMIT if v > _LIMIT else -_LIMIT if v < -_LIMIT else v
        fisher = math.atanh(v) + fisher / 2  # atanh v is ln((1 + v) / (1 - v)) / 2
        stretched.append(fisher)
    return np.array(stretched, dtype=np.float64)


def _middle_where_flat(values: FloatArray, high: FloatArray, low: FloatArray, n_bars: int, middle: float) -> FloatArray:
    """Return `values` with `middle` where the highest high of the last `n_bars` is their lowest low."""
    has_no_range: BoolArray = high == low
    if not has_no_range.any():
        return values
    return neutral_where(has_no_range & is_still(high, n_bars) & is_still(low, n_bars), values, middle)
