"""What a model says of rows.

Shapes: N rows, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """One entry a row, symbol after symbol, in time order within a symbol."""

    model_id: str
    classes: tuple[str, ...]
    index: pd.MultiIndex
    """(symbol, bar open) of each row; the row is known at that bar's close."""
    outputs: npt.NDArray[np.float32]
    """(N, C) logits, or (N, 1) forecasts of simple returns."""
    probabilities: FloatArray | None
    """(N, C) in the order of `classes`; None where the model forecasts returns."""
    codes: IntArray
    """(N,) which of `classes`, as the evaluation counts: the most probable, or what the costs make of the forecast."""
    decided: IntArray
    """(N,) the same, but the labeler's neutral class where the probability misses `confidence_threshold`."""
    memberships: pd.DataFrame
    """(N, n) degrees in [0, 1] of every fuzzy set that is an input, on the row's own bar, in the order of features."""
    n_left_out: int
    """Bars of the range, of all symbols, that have not all that the network reads."""

    def __len__(self) -> int:
        return len(self.index)

    @property
    def forecasts(self) -> npt.NDArray[np.float32] | None:
        """(N,) the returns that are forecast; None where the model gives classes."""
        return self.outputs[:, 0] if self.probabilities is None else None
