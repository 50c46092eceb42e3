"""Zigzag labels: the direction of the swing a bar lies in."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from ktrdr.data.bars import Bars
from ktrdr.labels.base import Labeler, LabelledRows
from ktrdr.labels.classes import Signal
from ktrdr.labels.extremes import confirmed_extremes


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
    def horizon(self) -> int:
        """The bar that confirms an extreme."""
        return 1

    @property
    def _lookback(self) -> int:
        return 0

    @property
    def _why_none(self) -> str:
        return f"no swing of {self.threshold:.6g} or more is confirmed"

    @property
    def _advice(self) -> str:
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
