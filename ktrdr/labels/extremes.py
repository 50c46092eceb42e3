"""Extremes of a series of closes, each with the bar that confirmed it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ktrdr.labels.arrays import FloatArray, IntArray


class Extremes(NamedTuple):
    """Positions of extremes, highs and lows in turn, and of the bars that confirmed them; both ascending."""

    at: IntArray
    confirmed: IntArray


def confirmed_extremes(closes: FloatArray, threshold: float | FloatArray) -> Extremes:
    """Return the extremes that a later close, at least `threshold` away as a simple return, has confirmed.

    The first leg is found from both running extremes, the highest and the lowest close so far: whichever is reversed
    first is the first extreme. From an extreme on, the next is the highest or lowest close after it. Of equal closes
    the first is the extreme. A bar confirms one extreme at most, and no later bar undoes it.

    Parameters
    ----------
    closes
        (n_bars,) finite and positive.
    threshold
        Over 0: one for all bars, or (n_bars,), of which the bar that confirms counts. NaN: no reversal there.

    Examples
    --------
    >>> confirmed_extremes(np.array([104, 100, 112, 120, 115, 107.0]), 0.1)
    Extremes(at=array([1, 3]), confirmed=array([2, 5]))
    """
    at: list[int] = []
    confirmed: list[int] = []
    high = low = 0  # running extremes of the leg; only the one that the leg ends in can be reversed
    seeks_high = seeks_low = True
    values = closes.tolist()  # a Python float is several times faster to read than an array's
    thresholds = np.broadcast_to(threshold, closes.shape).tolist()
    for bar, (close, least) in enumerate(zip(values, thresholds, strict=True)):
        if close > values[high]:
            high = bar
        if close < values[low]:
            low = bar
        ends_high = seeks_high and 1 - close / values[high] >= least
        ends_low = seeks_low and close / values[low] - 1 >= least
        if not (ends_high or ends_low):
            continue
        # A threshold that falls can have the first bar reverse both: the earlier comes first, or it would be lost.
        is_high = ends_high and not (ends_low and low < high)
        extreme = high if is_high else low
        at.append(extreme)
        confirmed.append(bar)
        seeks_high, seeks_low = not is_high, is_high
        since = values[extreme + 1 : bar + 1]  # where the threshold fell, this bar need not be the furthest
        if is_high:
            low = extreme + 1 + since.index(min(since))
        else:
            high = extreme + 1 + since.index(max(since))
    return Extremes(np.array(at, dtype=np.int64), np.array(confirmed, dtype=np.int64))
