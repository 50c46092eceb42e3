"""Price together with the volume behind it. Where nothing was traded, readings are neutral."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import talib
from pydantic import AfterValidator, Field

from ktrdr.data.bars import Bars
from ktrdr.indicators.base import (
    FloatArray,
    Indicator,
    Period,
    column,
    columns,
    neutral_where,
    none_within,
    ratio,
)


def _is_no_single_bar(period: int) -> int:
    if period == 1:
        raise ValueError("must be 0, for all bars so far, or 2 to 500, got 1")
    return period


WindowOrAll = Annotated[
    int,
    Field(ge=0, le=500, description="bars; 0: all so far", json_schema_extra={"not": {"const": 1}}),
    AfterValidator(_is_no_single_bar),
]


class MFI(Indicator):
    """Money flow index: the share of money (typical price x volume) that flowed on rising bars, in [0, 100].

    50 where no money flowed in the window: the typical price did not change, or nothing was traded where it did.
    TA-Lib reads a flow of less than 1 in all as 0.

    Source: Quong and Soudack (1989), "Volume-Weighted RSI: Money Flow", *Technical Analysis of Stocks & Commodities*
    7(3); TA-Lib MFI. First value at bar `period`.

    Examples
    --------
    30 flows in with the rise to 3, 10 out with the fall to 1: 30 of 40.

    >>> bars = pd.DataFrame({name: [2, 3, 1] for name in ("high", "low", "close")} | {"volume": 10})
    >>> MFI(type="mfi", period=2).compute(bars)["value"].tolist()
    [nan, nan, 75.0]
    """

    type: Literal["mfi"]
    period: Period = 14

    @property
    def warmup(self) -> int:
        return self.period

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        high, low, close, volume = columns(bars, "high", "low", "close", "volume")
        typical = talib.TYPPRICE(high, low, close)
        has_flow = volume != 0
        has_flow[1:] &= typical[1:] != typical[:-1]
        has_flow[:1] = True  # in no full window
        values = talib.MFI(high, low, close, volume, timeperiod=self.period)
        return (neutral_where(none_within(has_flow, self.period), values, 50.0),)


class OBV(Indicator):
    """On-balance volume: the running sum of volume, added on a rising close and taken off on a falling one.

    Starts with the first bar's volume, so that its level depends on where the bars begin.

    Source: Granville (1963), *Granville's New Key to Stock Market Profits*; TA-Lib OBV. First value at bar 0.

    Examples
    --------
    >>> bars = pd.DataFrame({"close": [1, 2, 2, 1], "volume": [10, 5, 7, 3]})
    >>> OBV(type="obv").compute(bars)["value"].tolist()
    [10.0, 15.0, 15.0, 12.0]
    """

    type: Literal["obv"]

    @property
    def warmup(self) -> int:
        return 0

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        return (talib.OBV(*columns(bars, "close", "volume")),)


class ADLine(Indicator):
    """Accumulation/distribution line: the running sum of volume x where the close stands in its bar, -1 to 1.

    A bar without a range adds nothing. Its level depends on where the bars begin.

    Source: Achelis (2000), *Technical Analysis from A to Z*, on Chaikin's accumulation/distribution; TA-Lib AD. First
    value at bar 0.

    Examples
    --------
    The first close is its high, the second stands a quarter above its low.

    >>> bars = pd.DataFrame({"high": [4, 4], "low": [0, 0], "close": [4, 1], "volume": [10, 4]})
    >>> ADLine(type="adline").compute(bars)["line"].tolist()
    [10.0, 8.0]
    """

    outputs: ClassVar[tuple[str, ...]] = ("line",)

    type: Literal["adline"]

    @property
    def warmup(self) -> int:
        return 0

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        return (talib.AD(*columns(bars, "high", "low", "close", "volume")),)


class CMF(Indicator):
    """Chaikin money flow: volume x where the close stands in its bar, as a share of the volume of `period` bars.

    In [-1, 1]; 0 where nothing was traded.

    Source: Achelis (2000), *Technical Analysis from A to Z*, on Chaikin's money flow; TA-Lib CMF. First value at bar
    `period - 1`.

    Examples
    --------
    (10 x 1 - 6 x 1/2) / 16.

    >>> bars = pd.DataFrame({"high": [4, 4], "low": [0, 0], "close": [4, 1], "volume": [10, 6]})
    >>> CMF(type="cmf", period=2).compute(bars)["value"].tolist()
    [nan, 0.4375]
    """

    type: Literal["cmf"]
    period: Period = 21

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        high, low, close, volume = columns(bars, "high", "low", "close", "volume")
        values = talib.CMF(high, low, close, volume, timeperiod=self.period)
        # TA-Lib divides what rounding left of two running sums
        return (neutral_where(none_within(volume != 0, self.period), values, 0.0),)


class VWAP(Indicator):
    """Volume-weighted average price: (high + low + close) / 3 of `period` bars, or of all so far, by their volume.

    Where nothing was traded each bar weighs alike.

    Source: Berkowitz, Logue and Noser (1988), "The Total Cost of Transactions on the NYSE", *Journal of Finance* 43(1);
    TA-Lib VWMA and VWAP. First value at bar `period - 1`, at bar 0 with period 0.

    Examples
    --------
    (3 x 1 + 6 x 2) / 3, then (6 x 2 + 12 x 1) / 3.

    >>> bars = pd.DataFrame({name: [3, 6, 12] for name in ("high", "low", "close")} | {"volume": [1, 2, 1]})
    >>> VWAP(type="vwap", period=2).compute(bars)["value"].tolist()
    [nan, 5.0, 8.0]
    >>> VWAP(type="vwap", period=0).compute(bars)["value"].tolist()
    [3.0, 5.0, 6.75]
    """

    type: Literal["vwap"]
    period: WindowOrAll = 20

    @property
    def warmup(self) -> int:
        return max(self.period - 1, 0)

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        typical, volume = columns(bars, "hlc3", "volume")
        if self.period:
            values, n_bars = talib.VWMA(typical, volume, timeperiod=self.period), self.period
        else:
            values, n_bars = talib.VWAP(*columns(bars, "high", "low", "close", "volume")), len(volume) + 1
        is_untraded = none_within(volume != 0, n_bars)
        return (np.where(is_untraded, self._mean(typical), values) if is_untraded.any() else values,)

    def _mean(self, typical: FloatArray) -> FloatArray:
        so_far = np.arange(1, len(typical) + 1)
        mean: FloatArray = talib.SMA(typical, timeperiod=self.period) if self.period else talib.CUMSUM(typical) / so_far
        return mean


class VolumeRatio(Indicator):
    """Volume of a bar against the mean of the last `period`, its own included; 1 where nothing was traded.

    Source: Murphy (1999), *Technical Analysis of the Financial Markets*, chapter 7; the mean is TA-Lib SMA. First value
    at bar `period - 1`.

    Examples
    --------
    >>> VolumeRatio(type="volumeratio", period=2).compute(pd.DataFrame({"volume": [1, 3, 3, 0]}))["value"].tolist()
    [nan, 1.5, 1.0, 0.0]
    """

    type: Literal["volumeratio"]
    period: Period = 20

    @property
    def warmup(self) -> int:
        return self.period - 1

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        volume = column(bars, "volume")
        mean = talib.SMA(volume, timeperiod=self.period)
        return (ratio(volume, mean, none_within(volume != 0, self.period), 1.0),)
