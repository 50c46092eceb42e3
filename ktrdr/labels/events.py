"""Events: the bars at which the price has moved enough, since the last such bar, to ask the question again."""

from __future__ import annotations

import numpy as np

from ktrdr.labels.arrays import FloatArray, IntArray


def cusum_events(closes: FloatArray, threshold: float) -> IntArray:
    """Return the positions of the bars at which the closes have drifted by more than `threshold`.

    Upward and downward drift are summed apart, s+ = max(0, s+ + x) and s- = min(0, s- + x) over log returns x from the
    first close given. s+ > threshold or s- < -threshold is an event and sets that sum back to 0. Whether a bar is an
    event depends on no later close.

    Source: Lopez de Prado (2018), *Advances in Financial Machine Learning*, section 2.5.2.1.

    Examples
    --------
    >>> cusum_events(np.exp([0.0, 0.2, 0.4, 0.3, 0.1, 0.6]), 0.25)
    array([2, 4, 5])
    """
    events: list[int] = []
    risen = fallen = 0.0
    # a Python float is several times faster to add than an array's
    for bar, moved in enumerate(np.diff(np.log(closes)).tolist(), start=1):
        risen, fallen = max(0.0, risen + moved), min(0.0, fallen + moved)
        if risen > threshold:
            risen = 0.0
        elif fallen < -threshold:  # never together: a bar either rises or falls
            fallen = 0.0
        else:
            continue
        events.append(bar)
    return np.array(events, dtype=np.int64)
