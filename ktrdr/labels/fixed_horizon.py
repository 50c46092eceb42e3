"""What labels over a fixed number of bars share: the return ahead, and what they need."""

from __future__ import annotations

import numpy as np

from ktrdr.data.bars import Bars
from ktrdr.labels.arrays import FloatArray
from ktrdr.labels.base import Labeler, LabelledRows


class FixedHorizon(Labeler):
    """A labeler that asks what the close has made `horizon` bars later, a field of its own.

    Source: Lopez de Prado (2018), *Advances in Financial Machine Learning*, section 3.2, "The Fixed-Time Horizon
    Method".
    """

    @property
    def _lookback(self) -> int:
        return 0

    @property
    def _why_none(self) -> str:
        return f"no bar has {self.horizon} bars after it"

    @property
    def _advice(self) -> str:
        return "Widen the date range, or shorten its horizon."


def returns_ahead(bars: Bars, horizon: int) -> LabelledRows:
    """Return the simple return of the close over the next `horizon` bars, of every bar that has them."""
    closes: FloatArray = bars["close"].to_numpy(dtype=np.float64)
    known = np.arange(len(closes), dtype=np.int64)[horizon:]
    rows = np.arange(known.size, dtype=np.int64)
    with np.errstate(over="ignore"):  # between the smallest prices and the largest a return may be infinite
        returns = closes[known] / closes[rows] - 1
    return LabelledRows(rows, returns, known)
