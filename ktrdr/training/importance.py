"""How much the network leans on each feature."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ktrdr.results.training import FeatureImportance
from ktrdr.training.dataset import IntArray, Part
from ktrdr.training.steps import Report

REPEATS = 5

Logits = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""(n_rows, n_features) -> (n_rows, n_classes)."""


def permutation_importance(
    logits_of: Logits,
    part: Part,
    feature_names: Sequence[str],
    seed: int,
    report: Report,
) -> dict[str, FeatureImportance]:
    """Return, for each feature, the fall in accuracy when its column is shuffled among the rows of `part`.

    Mean and population standard deviation over five shuffles; negative where shuffling helped by chance.
    `report` is called before each feature and may raise to stop.

    Source: Breiman (2001), *Random Forests*, section 10; the form is scikit-learn's `permutation_importance`.
    """
    random = np.random.default_rng(seed)
    accuracy = _accuracy(logits_of, part.X, part.y)
    importance: dict[str, FeatureImportance] = {}
    for number, name in enumerate(feature_names):
        report(number + 1, len(feature_names), name)
        falls = []
        for _ in range(REPEATS):
            shuffled = part.X.copy()
            shuffled[:, number] = random.permutation(shuffled[:, number])
            falls.append(accuracy - _accuracy(logits_of, shuffled, part.y))
        importance[name] = FeatureImportance(mean=float(np.mean(falls)), std=float(np.std(falls)))
    return importance


def _accuracy(logits_of: Logits, X: npt.NDArray[np.float32], y: IntArray) -> float:
    return float(np.mean(logits_of(X).argmax(axis=1) == y))
