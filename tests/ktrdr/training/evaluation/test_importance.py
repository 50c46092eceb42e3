from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.inspection import permutation_importance as reference

from ktrdr.errors import CancellationError
from ktrdr.training.evaluation.importance import permutation_importance
from ktrdr.training.steps import unreported
from tests.ktrdr.training.small_parts import part_of

NAMES = ("signal", "weak", "unused")
APART = ("first", "second", "third")
PAIRED = ("both", "both", "alone")
SEEDS = st.integers(0, 2**32 - 1)


def _part(n_rows: int = 400, seed: int = 0):
    X = np.random.default_rng(seed).random((n_rows, 3), dtype=np.float32)
    return part_of((X[:, 0] > 0.5).astype(np.int64), X=X)


def _part_of_returns(n_rows: int = 400, seed: int = 0):
    X = np.random.default_rng(seed).random((n_rows, 3), dtype=np.float32)
    return part_of(X[:, 0].astype(np.float64) * 0.1 + 0.01 * X[:, 1], X=X)


def _part_of_windows(n_rows: int = 60, n_steps: int = 4):
    X = np.random.default_rng(0).random((n_rows, n_steps, 3), dtype=np.float32)
    return part_of((X[..., 0].mean(axis=1) > 0.5).astype(np.int64), X=X)


def _logits(X):
    score = X[..., 0] - 0.5 + 0.05 * (X[..., 1] - 0.5)
    score = score if score.ndim == 1 else score.mean(axis=1)
    return np.stack([-score, score], axis=1)


def _forecast(X):
    return (0.1 * X[:, :1] + 0.01 * X[:, 1:2]).astype(np.float32)


def _importance(outputs_of, part, *, indicators=APART, seed=7, report=unreported):
    is_regression = part.y.dtype.kind == "f"
    return permutation_importance(outputs_of, part, NAMES, indicators, is_regression, seed, report)


def _of_loop(outputs_of, part, groups, seed):
    """What is lost by a loop that shuffles the columns of each group, draw after draw, in whole copies of the rows."""

    def loss(X):
        outputs = outputs_of(X)
        if part.y.dtype.kind == "f":
            return np.abs(outputs[:, 0].astype(np.float64) - part.y).mean()
        return -(outputs.argmax(axis=1) == part.y).mean()

    random, losses = np.random.default_rng(seed), []
    for columns in groups:
        repeats = []
        for _ in range(5):
            order = random.permutation(len(part.y))
            shuffled = part.X.copy()
            for column, row in itertools.product(columns, range(len(order))):
                shuffled[row, ..., column] = part.X[order[row], ..., column]
            repeats.append(loss(shuffled) - loss(part.X))
        losses.append((np.mean(repeats), np.sqrt(np.mean((repeats - np.mean(repeats)) ** 2))))
    return losses


class _Fixed(BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        self.n_features_in_ = X.shape[1]
        return self


class _Classifier(ClassifierMixin, _Fixed):
    def predict(self, X):
        return _logits(X).argmax(axis=1)


class _Regressor(RegressorMixin, _Fixed):
    def predict(self, X):
        return _forecast(X)[:, 0]


def test_what_the_network_reads_matters_and_what_it_ignores_does_not():
    importance = _importance(_logits, _part()).features
    assert list(importance) == list(NAMES)
    assert importance["signal"].mean > 0.3
    assert 0 <= abs(importance["weak"].mean) < 0.05
    assert (importance["unused"].mean, importance["unused"].std) == (0.0, 0.0)


def test_in_regression_what_the_forecast_ignores_costs_no_error():
    importance = _importance(_forecast, _part_of_returns()).features
    assert importance["signal"].mean > importance["weak"].mean > 0
    assert (importance["unused"].mean, importance["unused"].std) == (0.0, 0.0)


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_values_of_features_are_those_of_shuffling_each_column_in_turn(seed):
    part = _part(50, seed)
    random = np.random.default_rng(seed)
    accuracy = float(np.mean(_logits(part.X).argmax(axis=1) == part.y))
    got = _importance(_logits, part, seed=seed, indicators=PAIRED).features
    for column, name in enumerate(NAMES):
        falls = []
        for _ in range(5):
            shuffled = part.X.copy()
            shuffled[:, column] = random.permutation(shuffled[:, column])
            falls.append(accuracy - float(np.mean(_logits(shuffled).argmax(axis=1) == part.y)))
        assert (got[name].mean, got[name].std) == (float(np.mean(falls)), float(np.std(falls)))


def test_values_for_a_seed_stay_what_they_are():
    got = _importance(_logits, _part()).features
    assert (got["signal"].mean, got["signal"].std) == (0.4960000000000001, 0.01714642819948227)
    assert (got["weak"].mean, got["weak"].std) == (0.0030000000000000248, 0.0018708286933869665)


@pytest.mark.parametrize(
    ("outputs_of", "part"),
    [(_logits, _part(60)), (_forecast, _part_of_returns(60)), (_logits, _part_of_windows())],
    ids=["classes", "returns", "windows"],
)
def test_values_are_those_of_a_loop_over_rows(outputs_of, part):
    got = _importance(outputs_of, part, indicators=PAIRED)
    *features, both = _of_loop(outputs_of, part, [[0], [1], [2], [0, 1]], seed=7)
    assert [(of.mean, of.std) for of in got.features.values()] == [pytest.approx(of, abs=1e-12) for of in features]
    assert (got.indicators["both"].mean, got.indicators["both"].std) == pytest.approx(both, abs=1e-12)
    assert got.features["signal"].mean > 0


@pytest.mark.parametrize(
    ("part", "outputs_of", "estimator", "scoring"),
    [
        (_part(), _logits, _Classifier(), "accuracy"),
        (_part_of_returns(), _forecast, _Regressor(), "neg_mean_absolute_error"),
    ],
    ids=["classification", "regression"],
)
def test_values_agree_with_scikit_learn(part, outputs_of, estimator, scoring):
    fitted = estimator.fit(part.X, part.y)
    expected = reference(fitted, part.X, part.y, scoring=scoring, n_repeats=200, random_state=0)
    got = [_importance(outputs_of, part, seed=seed).features for seed in range(40)]
    for column, name in enumerate(NAMES):
        means = [of[name].mean for of in got]
        # 200 repeats each: four standard errors of their difference
        tolerance = 4 * expected.importances_std[column] * (2 / 200) ** 0.5
        assert np.mean(means) == pytest.approx(expected.importances_mean[column], abs=tolerance)
        if tolerance:
            stds = [of[name].std for of in got]
            # five values spread sqrt(4/5) as far about their own mean
            assert np.mean(np.square(stds)) == pytest.approx(0.8 * expected.importances_std[column] ** 2, rel=0.25)


def test_two_rows_that_change_places_cost_what_they_differ_by():
    X = np.array([[0.0], [0.25]], dtype=np.float32)
    part = part_of(X[:, 0].astype(np.float64), X=X)
    random = np.random.default_rng(3)
    n_swaps = sum(random.permutation(2)[0] == 1 for _ in range(5))
    assert 0 < n_swaps < 5
    got = permutation_importance(lambda X: X, part, ["a"], ["i"], True, 3, unreported).features["a"]
    share = n_swaps / 5
    assert (got.mean, got.std) == pytest.approx((0.25 * share, 0.25 * (share * (1 - share)) ** 0.5))


def test_a_feature_that_misleads_has_a_negative_importance():
    part = part_of([0.5, 0.4, -0.4, -0.5], X=np.array([[-1], [-0.5], [0.5], [1]], dtype=np.float32))
    assert permutation_importance(lambda X: X, part, ["a"], ["i"], True, 0, unreported).features["a"].mean < 0


def test_features_that_stand_in_for_each_other_show_in_their_indicator_only():
    X = np.random.default_rng(0).random((200, 3), dtype=np.float32)
    X[:, 1] = X[:, 0]
    part = part_of((X[:, 0] > 0.5).astype(np.int64), X=X)

    def either(X):
        score = (X[:, 0] - 0.5) + (X[:, 1] - 0.5)
        return np.stack([-score, score], axis=1)

    got = _importance(either, part, indicators=PAIRED)
    assert got.indicators["both"].mean > got.features["signal"].mean + 0.1
    # half of the rows find their class by chance
    assert got.indicators["both"].mean == pytest.approx(0.5, abs=0.1)


def test_an_indicators_columns_move_together():
    X = np.arange(60, dtype=np.float32).reshape(20, 3)
    part = part_of(np.tile([0, 1], 10), X=X)
    seen = []

    def watched(X):
        seen.append(X.copy())
        return np.stack([X[:, 0], X[:, 1]], axis=1)

    _importance(watched, part, indicators=PAIRED)
    grouped = seen[-5:]
    assert len(seen) == 1 + 5 * 4
    for shuffled in grouped:
        assert np.array_equal(shuffled[:, 1], shuffled[:, 0] + 1)
        assert np.array_equal(np.sort(shuffled[:, 0]), X[:, 0])
        assert not np.array_equal(shuffled[:, 0], X[:, 0])
        assert np.array_equal(shuffled[:, 2], X[:, 2])
    assert len({shuffled.tobytes() for shuffled in grouped}) == 5


def test_a_row_gets_another_rows_whole_window_of_one_column():
    part = _part_of_windows()
    windows = [{window.tobytes() for window in np.ascontiguousarray(part.X[..., column])} for column in range(3)]
    seen = []

    def watched(X):
        seen.append(X.copy())
        return _logits(X)

    _importance(watched, part)
    assert np.array_equal(seen[0], part.X)
    for number, shuffled in enumerate(seen[1:]):
        for column in range(3):
            of_column = np.ascontiguousarray(shuffled[..., column])
            assert {window.tobytes() for window in of_column} == windows[column]
            assert np.array_equal(of_column, part.X[..., column]) == (column != number // 5)


def test_an_indicator_of_one_column_has_that_columns_importance():
    got = _importance(_logits, _part(), indicators=PAIRED)
    assert list(got.indicators) == ["both", "alone"]
    assert got.indicators["alone"] == got.features["unused"]
    apart = _importance(_logits, _part())
    assert apart.indicators == dict(zip(APART, apart.features.values(), strict=True))


def test_columns_of_an_indicator_need_not_be_neighbours():
    got = _importance(_logits, _part(), indicators=("rsi", "atr", "rsi"))
    expected = _of_loop(_logits, _part(), [[0], [1], [2], [0, 2]], seed=7)[-1]
    assert (got.indicators["rsi"].mean, got.indicators["rsi"].std) == pytest.approx(expected)
    assert got.indicators["atr"] == got.features["weak"]


def test_how_columns_are_grouped_does_not_change_the_features():
    assert _importance(_logits, _part()).features == _importance(_logits, _part(), indicators=PAIRED).features


@pytest.mark.parametrize("part", [_part(), _part_of_returns()], ids=["classes", "returns"])
def test_the_seed_decides(part):
    outputs_of = _forecast if part.y.dtype.kind == "f" else _logits
    first = _importance(outputs_of, part, indicators=PAIRED)
    assert first == _importance(outputs_of, part, indicators=PAIRED)
    assert first != _importance(outputs_of, part, indicators=PAIRED, seed=8)


@pytest.mark.parametrize("part", [_part(), _part_of_windows()], ids=["rows", "windows"])
def test_the_rows_are_never_changed_not_even_meanwhile(part):
    before = part.X.copy()

    def watched(X):
        assert np.array_equal(part.X, before)
        return _logits(X)

    _importance(watched, part, indicators=PAIRED)
    assert np.array_equal(part.X, before)


def test_each_feature_is_reported_and_reporting_may_stop_it():
    seen = []

    def stop_at_two(done, total, message="", context=None):
        seen.append((done, total, message))
        if done == 2:
            raise CancellationError

    with pytest.raises(CancellationError):
        _importance(_logits, _part(), report=stop_at_two)
    assert seen == [(1, 3, "signal"), (2, 3, "weak")]


def test_an_indicator_of_several_columns_is_reported_too():
    seen = []
    _importance(_logits, _part(), indicators=PAIRED, report=lambda done, total, name: seen.append((done, total, name)))
    assert seen == [(1, 4, "signal"), (2, 4, "weak"), (3, 4, "unused"), (4, 4, "both")]
