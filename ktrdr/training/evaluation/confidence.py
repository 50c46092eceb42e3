"""How sure the network is of its classes, and whether it is right to be.

Shapes: N rows, C classes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ktrdr.results import Confidence
from ktrdr.training.rows.splitting import IntArray

CALIBRATION_BINS = 10

FloatArray = npt.NDArray[np.float64]


def softmax(logits_NC: npt.NDArray[np.float32]) -> FloatArray:
    """Return probabilities (N, C) in float64; each row sums to 1."""
    shifted = logits_NC.astype(np.float64) - logits_NC.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def expected_calibration_error(probabilities_NC: FloatArray, y_N: IntArray) -> float:
    """Return the mean gap between confidence and accuracy, in [0, 1].

    Confidence is the highest probability; rows are gathered in ten bins of equal width, (0, 0.1] to (0.9, 1], and each
    bin's gap between mean confidence and accuracy counts by its rows.

    Source: Guo, Pleiss, Sun, Weinberger (2017), *On Calibration of Modern Neural Networks*, section 2.
    """
    confidence = probabilities_NC.max(axis=1)
    is_right = probabilities_NC.argmax(axis=1) == y_N
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1)
    gap_sums = np.bincount(bins, weights=confidence - is_right, minlength=CALIBRATION_BINS)
    return float(np.abs(gap_sums).sum() / len(y_N))


def is_covered(threshold: float, probabilities_NC: FloatArray) -> npt.NDArray[np.bool_]:
    """Return (N,) which rows' highest probability reaches the threshold."""
    return np.asarray(probabilities_NC.max(axis=1) >= threshold)


def confidence_at(threshold: float, probabilities_NC: FloatArray, y_N: IntArray) -> Confidence:
    """Return the share of rows whose highest probability reaches the threshold, and the accuracy on them."""
    covered = is_covered(threshold, probabilities_NC)
    is_right = probabilities_NC.argmax(axis=1) == y_N
    return Confidence(
        threshold=threshold,
        coverage=float(covered.mean()),
        accuracy=float(is_right[covered].mean()) if covered.any() else None,
    )
