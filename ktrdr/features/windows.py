"""Rows that look back: lagged copies of features, and the windows that a recurrent network reads.

Shapes: M bars, N rows, F features, S steps.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

FloatT = TypeVar("FloatT", np.float32, np.float64)
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def with_lags(features_MF: npt.NDArray[FloatT], n_lags: int) -> npt.NDArray[FloatT]:
    """Return (M, F (n_lags + 1)): every bar's features, then those of one bar before, and so on; NaN before the first.

    Examples
    --------
    >>> with_lags(np.array([[1.0], [2.0], [3.0]]), 1).tolist()
    [[1.0, nan], [2.0, 1.0], [3.0, 2.0]]
    """
    n_bars, n_features = features_MF.shape
    lagged = np.full((n_bars, n_features * (n_lags + 1)), np.nan, dtype=features_MF.dtype)
    for lag in range(min(n_lags + 1, n_bars)):
        lagged[lag:, lag * n_features : (lag + 1) * n_features] = features_MF[: n_bars - lag]
    return lagged


def complete_rows(has_features: BoolArray, n_lags: int, sequence_length: int | None) -> BoolArray:
    """Return which bars have all that the network reads: their lags, and a full window of bars that have theirs.

    Parameters
    ----------
    has_features
        (M,) whether every feature of the bar itself has a value.
    n_lags
        Bars back that must have theirs as well.
    sequence_length
        Bars in a window, the row's own the last; None for a network that reads one row.
    """
    has_lags = has_features.copy()
    for lag in range(1, n_lags + 1):
        has_lags[lag:] &= has_features[:-lag]
        has_lags[:lag] = False
    if sequence_length is None:
        return has_lags
    return np.asarray(has_lags & (np.cumsum(has_lags) >= sequence_length))


def windows(features_MF: npt.NDArray[FloatT], rows_N: IntArray, sequence_length: int) -> npt.NDArray[FloatT]:
    """Return (N, S, F): for each row, the last `sequence_length` bars that have every feature, the row's own the last.

    `rows_N` are positions of bars that `complete_rows` says are complete.
    """
    usable = np.flatnonzero(~np.isnan(features_MF).any(axis=1))
    ends_N = np.searchsorted(usable, rows_N)
    steps_NS = ends_N[:, None] + np.arange(1 - sequence_length, 1)
    windows_NSF: npt.NDArray[FloatT] = features_MF[usable[steps_NS]]
    return windows_NSF
