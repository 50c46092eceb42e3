"""Raw inputs brought to a scale that a network learns from, as the training rows say."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ktrdr.declaration import Declaration

FloatArray = npt.NDArray[np.float64]

Normalization: TypeAlias = Literal["zscore", "minmax", "none"]
"""zscore: mean 0 and deviation 1; minmax: [0, 1]; each over the training rows."""

_SQUARES_FIT = (1e-100, 1e100)
"""Sizes of values whose squares neither vanish nor overflow."""
_ROUNDING = 10 * float(np.finfo(np.float64).eps)


class Scaler(Declaration):
    """A line fitted on the training rows: (x - offset) / scale. NaN in, NaN out; nothing is clipped.

    zscore has the mean and the population deviation (ddof 0), minmax the least value and the range, none 0 and 1. A
    constant column has the scale 1 and its value as the offset, so that it becomes 0.

    Source: Hastie, Tibshirani and Friedman (2009), *The Elements of Statistical Learning*, section 11.5.3; the rule for
    constant columns is that of scikit-learn's `StandardScaler` and `MinMaxScaler`.
    """

    normalization: Normalization
    offset: float
    scale: float = Field(gt=0)

    @classmethod
    def fit(cls, normalization: Normalization, values: FloatArray) -> Scaler:
        """Return the scaler of the training rows.

        Parameters
        ----------
        normalization : {"zscore", "minmax", "none"}
            Which line.
        values : (n,) float64
            The input on the training rows: at least one, all of them finite.

        Raises
        ------
        ValueError
            If there is no value, or one that is NaN or infinite.
        """
        if values.size == 0 or not np.isfinite(values).all():
            raise ValueError("a scaler is fitted on finite values, at least one")
        if normalization == "none":
            return cls(normalization=normalization, offset=0.0, scale=1.0)
        low, high = float(values.min()), float(values.max())
        # A column that is constant but for rounding says nothing either; divided by it, the rounding would.
        if high - low <= _ROUNDING * max(abs(low), abs(high)):
            return cls(normalization=normalization, offset=low, scale=1.0)
        if normalization == "minmax":
            return cls(normalization=normalization, offset=low, scale=high - low)
        size = max(abs(low), abs(high))
        if not _SQUARES_FIT[0] < size < _SQUARES_FIT[1]:
            unit = values / size
            return cls(normalization=normalization, offset=float(unit.mean()) * size, scale=float(unit.std()) * size)
        return cls(normalization=normalization, offset=float(values.mean()), scale=float(values.std(ddof=0)))

    def __call__(self, values: FloatArray) -> FloatArray:
        """Return the values on the training rows' scale, in the same shape."""
        return (values - self.offset) / self.scale
