"""The lives of labels: from the bar after the row to the bar that made the label known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ktrdr.labels.arrays import IntArray


def uniqueness(known_at: pd.Series, index: pd.DatetimeIndex) -> pd.Series:
    """Return how much of its life each label has for itself: the mean of 1 / (labels alive) over its bars.

    A label is alive on the bars after its row up to and with `known_at`. One that shares no bar has 1, one that always
    shares with another 1/2.

    Parameters
    ----------
    known_at
        (n_rows,) times at which labels became known, indexed by the time of their rows.
    index
        Opens of all bars of the series that the rows are of, ascending and unique.

    Returns
    -------
    Series
        (n_rows,) in (0, 1], indexed as `known_at`.

    Raises
    ------
    ValueError
        If a row or `known_at` is not one of the bars, or not in this order, or two bars have one time.

    Source: Lopez de Prado (2018), *Advances in Financial Machine Learning*, section 4.4.

    Examples
    --------
    >>> bars = pd.date_range("2020-01-01", periods=5, tz="UTC")
    >>> uniqueness(pd.Series(bars[[2, 4]], index=bars[[0, 1]]), bars).round(3).tolist()  # both live on the third bar
    [0.75, 0.833]
    """
    row, known = life_bounds(known_at, index)
    n_alive = np.cumsum(
        np.bincount(row + 1, minlength=len(index) + 1) - np.bincount(known + 1, minlength=len(index) + 1)
    )
    share = 1 / np.maximum(n_alive[:-1], 1)  # bars on which no label is alive are in no life
    summed = np.cumsum(share)
    mean = np.minimum((summed[known] - summed[row]) / (known - row), 1.0)  # long sums round
    return pd.Series(mean, index=known_at.index, name="uniqueness")


def life_bounds(known_at: pd.Series, index: pd.DatetimeIndex) -> tuple[IntArray, IntArray]:
    """Return the positions among the bars of each row, and of the bar that made its label known.

    Raises
    ------
    ValueError
        If a row or `known_at` is not one of the bars, or not in this order, or two bars have one time.
    """
    if not isinstance(known_at, pd.Series) or not isinstance(index, pd.DatetimeIndex):
        raise TypeError("known_at is a Series by the time of its rows, and index the DatetimeIndex of all bars")
    if not index.is_unique:
        raise ValueError(f"two bars open at {index[index.duplicated()][0]}: the times of a series' bars must be unique")
    row: IntArray = index.get_indexer(known_at.index).astype(np.int64)
    known: IntArray = index.get_indexer(pd.DatetimeIndex(known_at)).astype(np.int64)
    is_wrong = (row < 0) | (known <= row)
    if is_wrong.any():
        at = int(np.argmax(is_wrong))
        raise ValueError(
            f"the label of bar {known_at.index[at]} is known at {known_at.iloc[at]}: both must be bars of the series,"
            " the second after the first"
        )
    return row, known
