"""How much the network leans on each feature, and on each indicator as a whole.

Shapes: N rows, F features, S steps of a window, C classes (1 in regression).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktrdr.results import FeatureImportance
from ktrdr.training.rows.dataset import Part
from ktrdr.training.rows.splitting import LabelArray
from ktrdr.training.steps import Report

REPEATS = 5

Outputs = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""(N, F) or (N, S, F) -> (N, C)."""


@dataclass(frozen=True)
class Importance:
    """What is lost on held-out rows without a feature, and without all the features of an indicator."""

    features: dict[str, FeatureImportance]
    indicators: dict[str, FeatureImportance]


def permutation_importance(  # noqa: PLR0913
    outputs_of: Outputs,
    part: Part,
    features: Sequence[str],
    indicators: Sequence[str],
    is_regression: bool,
    seed: int,
    report: Report,
) -> Importance:
    """Return what is lost when a column is shuffled among the rows of `part`, and when all of an indicator's are.

    Lost is accuracy; in regression the mean absolute error that is gained. Mean and population standard deviation over
    five shuffles; negative where shuffling helped by chance. A row that reads a window gets another row's whole window
    of the column. An indicator of one column has that column's importance.

    Parameters
    ----------
    outputs_of
        The network.
    part
        The held-out rows; they are left as they are.
    features, indicators
        For each column (of the last axis) its name, and the indicator that it comes from.
    is_regression
        Whether the outputs are returns.
    seed
        Of the shuffles.
    report
        Called before each feature and each indicator of several columns; may raise to stop.

    Source: Breiman (2001), *Random Forests*, section 10; the form is scikit-learn's `permutation_importance`.
    """
    columns_of: dict[str, tuple[int, ...]] = {}
    for column, (_, indicator) in enumerate(zip(features, indicators, strict=True)):
        columns_of[indicator] = (*columns_of.get(indicator, ()), column)
    shuffled_for: dict[tuple[int, ...], str] = {(column,): name for column, name in enumerate(features)}
    for indicator, columns in columns_of.items():
        shuffled_for.setdefault(columns, indicator)
    shuffles = _Shuffles(outputs_of, part, is_regression, seed)
    lost: dict[tuple[int, ...], FeatureImportance] = {}
    for number, (columns, name) in enumerate(shuffled_for.items(), start=1):
        report(number, len(shuffled_for), name)
        lost[columns] = shuffles.loss_without(columns)
    return Importance(
        features={name: lost[column,] for column, name in enumerate(features)},
        indicators={indicator: lost[columns] for indicator, columns in columns_of.items()},
    )


class _Shuffles:
    """Shuffles columns of a part, one draw after another, and scores the network on them."""

    def __init__(self, outputs_of: Outputs, part: Part, is_regression: bool, seed: int) -> None:
        self._outputs_of, self._part, self._is_regression = outputs_of, part, is_regression
        self._random = np.random.default_rng(seed)
        self._X = part.X.copy()  # the part as it is, but for the columns being shuffled
        self._score = self._score_now()

    def loss_without(self, columns: tuple[int, ...]) -> FeatureImportance:
        """Return what is lost when the columns are shuffled, all by the same permutation of rows."""
        original = self._part.X[..., list(columns)]
        falls = []
        for _ in range(REPEATS):
            self._X[..., list(columns)] = original[self._random.permutation(len(original))]
            falls.append(self._score - self._score_now())
        self._X[..., list(columns)] = original
        return FeatureImportance(mean=float(np.mean(falls)), std=float(np.std(falls)))

    def _score_now(self) -> float:
        return _score(self._outputs_of(self._X), self._part.y, self._is_regression)


def _score(outputs_NC: npt.NDArray[np.float32], y_N: LabelArray, is_regression: bool) -> float:
    """Return the accuracy, or the mean absolute error with a minus: more is better."""
    if is_regression:
        return -float(np.mean(np.abs(outputs_NC[:, 0].astype(np.float64) - y_N)))
    return float(np.mean(outputs_NC.argmax(axis=1) == y_N))
