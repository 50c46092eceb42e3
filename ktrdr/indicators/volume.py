"""Price together with the volume behind it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import talib

from ktrdr.data.bars import Bars
from ktrdr.indicators.base import FloatArray, Indicator, Period, column, neutral_where, none_within


class MFI(Indicator):
    """Money flow index: the share of money (typical price x volume) that flowed on rising bars, in [0, 100].

    50 where no money flowed in the window: the typical price did not change, or nothing was traded where it did.
    TA-Lib reads a flow of less than 1 in all as 0.

    Source: Quong and Soudack (1989), "Volume-Weighted RSI: Money Flow", *Technical Analysis of Stocks & Commodities*
    7(3); TA-Lib MFI. First value at bar `period`.
    """

    type: Literal["mfi"]
    period: Period = 14

    @property
    def warmup(self) -> int:
        return self.period

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        high, low, close, volume = (column(bars, name) for name in ("high", "low", "close", "volume"))
        typical = column(bars, "hlc3")
        has_flow = np.zeros(len(typical), dtype=bool)
        has_flow[1:] = (typical[1:] != typical[:-1]) & (volume[1:] != 0)
        values = talib.MFI(high, low, close, volume, timeperiod=self.period)
        return (neutral_where(none_within(has_flow, self.period), values, 50.0),)


class OBV(Indicator):
    """On-balance volume: the running sum of volume, added on a rising close and taken off on a falling one.

    Starts with the first bar's volume, so that its level depends on where the bars begin.

    Source: Granville (1963), *Granville's New Key to Stock Market Profits*; TA-Lib OBV. First value at bar 0.
    """

    type: Literal["obv"]

    @property
    def warmup(self) -> int:
        return 0

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        return (talib.OBV(column(bars, "close"), column(bars, "volume")),)
