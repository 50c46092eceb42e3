from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.inspection import permutation_importance as reference

from ktrdr.errors import CancellationError
from ktrdr.training.dataset import Part
from ktrdr.training.importance import permutation_importance

NAMES = ("signal", "weak", "unused")


def _part(n_rows: int = 400) -> Part:
    X = np.random.default_rng(0).random((n_rows, 3), dtype=np.float32)
    times = pd.date_range("2020-01-01", periods=n_rows, tz="UTC")
    zeros = np.zeros(n_rows, dtype=np.int64)
    index = pd.MultiIndex.from_product([["A"], times], names=["symbol", "time"])
    return Part(X, (X[:, 0] > 0.5).astype(np.int64), index, times, zeros, zeros)


def _logits(X):
    score = X[:, 0] - 0.5 + 0.05 * (X[:, 1] - 0.5)
    return np.stack([-score, score], axis=1)


def _ignore(done, total, message="", context=None):
    """Nobody watches."""


def test_what_the_network_reads_matters_and_what_it_ignores_does_not():
    importance = permutation_importance(_logits, _part(), NAMES, 7, _ignore)
    assert list(importance) == list(NAMES)
    assert importance["signal"].mean > 0.3
    assert 0 <= abs(importance["weak"].mean) < 0.05
    assert (importance["unused"].mean, importance["unused"].std) == (0.0, 0.0)


def test_values_agree_with_scikit_learn():
    class Fixed(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.array([0, 1])
            return self

        def predict(self, X):
            return _logits(X).argmax(axis=1)

    part = _part()
    expected = reference(Fixed().fit(part.X, part.y), part.X, part.y, n_repeats=40, random_state=0)
    got = permutation_importance(_logits, part, NAMES, 7, _ignore)
    assert got["signal"].mean == pytest.approx(expected.importances_mean[0], abs=0.03)


def test_the_seed_decides():
    first = permutation_importance(_logits, _part(), NAMES, 7, _ignore)
    assert first == permutation_importance(_logits, _part(), NAMES, 7, _ignore)
    assert first != permutation_importance(_logits, _part(), NAMES, 8, _ignore)


def test_the_rows_are_not_changed():
    part = _part()
    before = part.X.copy()
    permutation_importance(_logits, part, NAMES, 7, _ignore)
    assert np.array_equal(part.X, before)


def test_each_feature_is_reported_and_reporting_may_stop_it():
    seen = []

    def stop_at_two(done, total, message="", context=None):
        seen.append((done, total, message))
        if done == 2:
            raise CancellationError

    with pytest.raises(CancellationError):
        permutation_importance(_logits, _part(), NAMES, 7, stop_at_two)
    assert seen == [(1, 3, "signal"), (2, 3, "weak")]
