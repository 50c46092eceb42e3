"""How good the network is on rows it has not seen, next to forecasts that learn nothing.

Shapes: N rows, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from ktrdr.labels.classes import Signal
from ktrdr.results import Baseline, RowAccount, SymbolMetrics, TestMetrics
from ktrdr.results.training import ClassMetrics, Confidence
from ktrdr.training.dataset import UNKNOWN_CLASS, IntArray, Part

CALIBRATION_BINS = 10

FloatArray = npt.NDArray[np.float64]

_SIGNAL_OF_SIGN = np.array([Signal.SELL, Signal.HOLD, Signal.BUY])
"""At [sign + 1]: a bar that closed lower, unchanged, higher."""


def evaluate(  # noqa: PLR0913
    logits_NC: npt.NDArray[np.float32],
    part: Part,
    *,
    loss: float,
    y_train: IntArray,
    class_names: Sequence[str],
    confidence_threshold: float,
) -> TestMetrics:
    """Return every metric of the predictions on one part.

    Averages are macro averages over the classes that occur in the part, so recall equals balanced accuracy. Without
    any prediction of a class its precision is 0.

    Parameters
    ----------
    logits_NC
        (n_rows, n_classes), one row for each of `part`.
    part
        The held-out rows.
    loss
        The training's loss on these rows.
    y_train
        Labels of the training rows: their most frequent class is a baseline.
    class_names
        In code order.
    confidence_threshold
        Coverage and accuracy are stated for the rows whose highest probability reaches it.
    """
    codes = list(range(len(class_names)))
    predicted = logits_NC.argmax(axis=1)
    precision, recall, f1, support = precision_recall_fscore_support(part.y, predicted, labels=codes, zero_division=0)
    occurs = support > 0
    confusion = confusion_matrix(part.y, predicted, labels=codes)
    probabilities = softmax(logits_NC)
    accuracy = float(accuracy_score(part.y, predicted))
    baseline = baseline_of(part, y_train, class_names)
    return TestMetrics(
        loss=loss,
        accuracy=accuracy,
        balanced_accuracy=float(recall[occurs].mean()),
        precision=float(precision[occurs].mean()),
        recall=float(recall[occurs].mean()),
        f1_score=float(f1[occurs].mean()),
        mcc=_matthews(confusion),
        per_class={
            name: ClassMetrics(
                precision=float(precision[code]),
                recall=float(recall[code]),
                f1_score=float(f1[code]),
                support=int(support[code]),
            )
            for code, name in enumerate(class_names)
        },
        confusion_matrix=confusion.tolist(),
        expected_calibration_error=expected_calibration_error(probabilities, part.y),
        baseline=baseline,
        confidence=_confidence(probabilities, part.y, confidence_threshold),
        verdict=verdict(accuracy, baseline),
    )


def evaluate_symbol(
    logits_NC: npt.NDArray[np.float32], part: Part, y_train: IntArray, class_names: Sequence[str], rows: RowAccount
) -> SymbolMetrics:
    """Return how the predictions do on one symbol's held-out rows, next to the same baselines."""
    predicted = logits_NC.argmax(axis=1)
    is_right = predicted == part.y
    recalls = [is_right[part.y == code].mean() for code in np.unique(part.y)]
    return SymbolMetrics(
        rows=rows,
        accuracy=float(is_right.mean()),
        balanced_accuracy=float(np.mean(recalls)),
        baseline=baseline_of(part, y_train, class_names),
    )


def baseline_of(part: Part, y_train: IntArray, class_names: Sequence[str]) -> Baseline:
    """Return the accuracy of three forecasts that learn nothing, on the rows of `part`.

    `majority` says the most frequent class of training (of equal ones the lower code). `last_sign` says BUY after a bar
    that closed higher than the one before, SELL after a lower one, else HOLD; None for other classes. `persistence`
    repeats the label of the newest row that is known by the row's own time; a row before the first known one counts as
    wrong, and it is None where no row has one.
    """
    majority = int(np.bincount(y_train).argmax())
    has_signals = tuple(class_names) == tuple(signal.name for signal in Signal)
    last_sign = np.mean(_SIGNAL_OF_SIGN[part.last_sign + 1] == part.y) if has_signals else None
    has_known = bool((part.last_known_y != UNKNOWN_CLASS).any())
    return Baseline(
        majority=float(np.mean(part.y == majority)),
        last_sign=None if last_sign is None else float(last_sign),
        persistence=float(np.mean(part.last_known_y == part.y)) if has_known else None,
    )


def verdict(accuracy: float, baseline: Baseline) -> str:
    """Say in words which baselines the accuracy beats and which it does not, with decimals enough to see it.

    Examples
    --------
    >>> verdict(0.41, Baseline(majority=0.45, last_sign=0.33, persistence=None))  # doctest: +NORMALIZE_WHITESPACE
    'Accuracy 0.410 is below the majority baseline 0.450: a forecast that learns nothing does as well or better.
    It beats last_sign 0.330.'
    """
    values = {name: value for name, value in baseline.model_dump().items() if value is not None}
    digits = _digits_apart(accuracy, values.values())
    beaten = [f"{name} {value:.{digits}f}" for name, value in values.items() if accuracy > value]
    unbeaten = [
        f"{'equal to' if accuracy == value else 'below'} the {name} baseline {value:.{digits}f}"
        for name, value in values.items()
        if accuracy <= value
    ]
    if not unbeaten:
        return f"Accuracy {accuracy:.{digits}f} beats every baseline: {', '.join(beaten)}."
    also = f" It beats {', '.join(beaten)}." if beaten else ""
    standing = f"Accuracy {accuracy:.{digits}f} is {' and '.join(unbeaten)}"
    return f"{standing}: a forecast that learns nothing does as well or better.{also}"


def _digits_apart(accuracy: float, values: Iterable[float]) -> int:
    """Return how many decimals show `accuracy` apart from each value that differs from it; 3 or more."""
    others = [value for value in values if value != accuracy]
    for digits in range(3, 17):
        if all(f"{value:.{digits}f}" != f"{accuracy:.{digits}f}" for value in others):
            return digits
    return 17  # all that a double holds


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


def _matthews(confusion: npt.NDArray[np.int64]) -> float:
    """Return the multiclass Matthews coefficient, 0 where one side has a single class.

    Source: Gorodkin (2004), *Comparing two K-category assignments by a K-category correlation coefficient*, eq. 8.
    """
    # in Python integers: no overflow, however many rows
    true, predicted = ([int(count) for count in confusion.sum(axis=axis)] for axis in (1, 0))
    n_rows, n_right = sum(true), int(np.trace(confusion))
    covariance = n_right * n_rows - sum(t * p for t, p in zip(true, predicted, strict=True))
    spread = (n_rows**2 - sum(t * t for t in true)) * (n_rows**2 - sum(p * p for p in predicted))
    return float(covariance / spread**0.5) if spread else 0.0


def _confidence(probabilities_NC: FloatArray, y_N: IntArray, threshold: float) -> Confidence:
    is_covered = probabilities_NC.max(axis=1) >= threshold
    is_right = probabilities_NC.argmax(axis=1) == y_N
    return Confidence(
        threshold=threshold,
        coverage=float(is_covered.mean()),
        accuracy=float(is_right[is_covered].mean()) if is_covered.any() else None,
    )
