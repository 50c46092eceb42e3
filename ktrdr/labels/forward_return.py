"""Forward-return labels: what a position would have made some bars later."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ktrdr.data.bars import Bars
from ktrdr.declaration import LeftOut
from ktrdr.labels.arrays import FloatArray
from ktrdr.labels.base import Labeler, LabelledRows
from ktrdr.labels.classes import Signal


class ForwardReturn(Labeler):
    """The simple return of the close over the next `horizon` bars: R = c_{t+horizon} / c_t - 1.

    With a `threshold` BUY if R > threshold, SELL if R < -threshold, else HOLD. Without one the label is R itself, for
    regression. `known_at` is the bar `horizon` bars later.

    Source: the fixed-time horizon of Lopez de Prado (2018), *Advances in Financial Machine Learning*, section 3.2.
    """

    source: Literal["forward_return"]
    horizon: int = Field(default=20, ge=1, description="bars")
    threshold: LeftOut[Annotated[float, Field(gt=0)]] = Field(
        default=None, description="simple return beyond which a row is BUY or SELL; left out: labels are returns"
    )

    @property
    def is_regression(self) -> bool:
        return self.threshold is None

    @property
    def _lookback(self) -> int:
        return 0

    @property
    def _why_none(self) -> str:
        return f"no bar has {self.horizon} bars after it"

    @property
    def _advice(self) -> str:
        return "Widen the date range, or shorten its horizon."

    def _label(self, bars: Bars) -> LabelledRows:
        ahead = returns_ahead(bars, self.horizon)
        if self.threshold is None:
            return ahead
        codes = np.full(ahead.rows.size, Signal.HOLD, dtype=np.int64)
        codes[ahead.labels > self.threshold] = Signal.BUY
        codes[ahead.labels < -self.threshold] = Signal.SELL
        return ahead._replace(labels=codes)


def returns_ahead(bars: Bars, horizon: int) -> LabelledRows:
    """Return the simple return of the close over the next `horizon` bars, of every bar that has them."""
    closes: FloatArray = bars["close"].to_numpy(dtype=np.float64)
    known = np.arange(len(closes), dtype=np.int64)[horizon:]
    rows = np.arange(known.size, dtype=np.int64)
    with np.errstate(over="ignore"):  # between the smallest prices and the largest a return may be infinite
        returns = closes[known] / closes[rows] - 1
    return LabelledRows(rows, returns, known)
