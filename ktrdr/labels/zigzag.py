"""Zigzag labels: the direction of the swing a bar lies in."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from ktrdr.data.bars import Bars
from ktrdr.labels.base import FloatArray, IntArray, Labeler, LabelledRows
from ktrdr.labels.classes import Signal


class Zigzag(Labeler):
    """BUY on the way from a low to the next high, SELL on the way down, HOLD at the extremes themselves.

    An extreme is confirmed by the first close that is at least `threshold` away from it; of equal closes the first is
    the extreme. `known_at` is the bar that confirmed the first extreme at or after the row. Bars before the first
    extreme and after the last confirmed one have no row.

    Source: Achelis (2000), *Technical Analysis from A to Z*, "Zig Zag".
    """

    source: Literal["zigzag"]
    threshold: float = Field(default=0.02, gt=0, description="simple return that confirms a reversal")

    @property
    def lookback(self) -> int:
        """Zigzag needs no bars of history."""
        return 0

    @property
    def horizon(self) -> int:
        """The bar that confirms an extreme."""
        return 1

    @property
    def why_none(self) -> str:
        return f"no swing of {self.threshold:.6g} or more is confirmed"

    @property
    def advice(self) -> str:
        return "Lower its threshold, or widen the date range."

    def _label(self, bars: Bars) -> LabelledRows:
        closes = bars["close"].to_numpy(dtype=np.float64)
        extremes, confirmed = confirmed_extremes(closes, self.threshold)
        if not extremes.size:
            return LabelledRows(extremes, extremes, extremes)
        rows = np.arange(extremes[0], extremes[-1] + 1)
        following = np.searchsorted(extremes, rows)  # the first extreme at or after the row
        is_rising = closes[extremes[following]] > closes[extremes[following - 1]]
        labels = np.where(is_rising, Signal.BUY, Signal.SELL).astype(np.int64)
        labels[extremes - extremes[0]] = Signal.HOLD
        return LabelledRows(rows, labels, confirmed[following])


def confirmed_extremes(closes: FloatArray, threshold: float) -> tuple[IntArray, IntArray]:
    """Return the positions of the extremes, highs and lows in turn, and of the bars that confirmed them.

    The first leg is found from both running extremes, the highest and the lowest close so far: whichever is reversed
    first is the first extreme.
    """
    extremes: list[int] = []
    confirmed: list[int] = []
    high = low = 0  # running extremes of the leg; only the one that the leg ends in can be reversed
    seeks_high = seeks_low = True
    values = closes.tolist()  # a Python float is several times faster to read than an array's
    for bar, close in enumerate(values):
        if close > values[high]:
            high = bar
        if close < values[low]:
            low = bar
        if seeks_high and 1 - close / values[high] >= threshold:
            extremes.append(high)
            seeks_high, seeks_low, low = False, True, bar
        elif seeks_low and close / values[low] - 1 >= threshold:
            extremes.append(low)
            seeks_high, seeks_low, high = True, False, bar
        else:
            continue
        confirmed.append(bar)
    return np.array(extremes, dtype=np.int64), np.array(confirmed, dtype=np.int64)
