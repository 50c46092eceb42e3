from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics as sklearn_metrics

from ktrdr.results import Baseline, ReturnMetrics, RowAccount
from ktrdr.strategy.decisions import Decisions
from ktrdr.training.evaluation.baselines import baseline_of
from ktrdr.training.evaluation.confidence import expected_calibration_error
from ktrdr.training.evaluation.metrics import evaluate, evaluate_symbol
from tests.ktrdr.training.small_parts import CONTEXTS, EDGE, REGIMES, RETURNS, SIGNALS, part_of, priced

LABELERS = [SIGNALS, CONTEXTS, REGIMES]
ROWS = RowAccount(**dict.fromkeys(RowAccount.model_fields, 1))
FEW = settings(max_examples=20, deadline=None)  # scikit-learn takes its time
SEEDS = st.integers(0, 2**32 - 1)


def _random(seed: int = 1, n_rows: int = 500, n_classes: int = 3):
    random = np.random.default_rng(seed)
    y = random.integers(0, n_classes, n_rows)
    logits = random.normal(size=(n_rows, n_classes)).astype(np.float32)
    logits[np.arange(n_rows), y] += 0.7
    return logits, y


def _random_returns(seed: int = 1, n_rows: int = 300):
    """Forecasts (N, 1) and returns, of which about a third decide for nothing."""
    random = np.random.default_rng(seed)
    y = random.normal(scale=2 * EDGE, size=n_rows)
    forecast = y + random.normal(scale=2 * EDGE, size=n_rows)
    return forecast[:, None].astype(np.float32), y


def _evaluate(logits, part, y_train=(0, 1, 1, 2), threshold=0.5, labeler=SIGNALS):
    decisions = Decisions(confidence_threshold=threshold)
    return evaluate(logits, part, loss=1.0, y_train=np.array(y_train), labeler=labeler, decisions=decisions)


def _evaluate_returns(forecast, part, y_train=(0.01, -0.01, 0.01)):
    return evaluate(
        np.asarray(forecast, dtype=np.float32).reshape(-1, 1),
        part,
        loss=1.0,
        y_train=np.array(y_train),
        labeler=RETURNS,
        decisions=priced(),
    )


def _decided(returns):
    """The classes of returns by the words of the cost model, one after the other."""
    return [0 if value > EDGE else 2 if value < -EDGE else 1 for value in map(float, returns)]


def _agree_with_scikit_learn(got, y, predicted, names):
    """Over the classes that occur: what is said of others has no effect on averages."""
    codes = list(range(len(names)))
    occurring = sorted(set(y))
    macro = {"average": "macro", "labels": occurring, "zero_division": 0}
    assert got.accuracy == pytest.approx(sklearn_metrics.accuracy_score(y, predicted))
    assert got.balanced_accuracy == got.recall == pytest.approx(sklearn_metrics.recall_score(y, predicted, **macro))
    assert got.precision == pytest.approx(sklearn_metrics.precision_score(y, predicted, **macro))
    assert got.f1_score == pytest.approx(sklearn_metrics.f1_score(y, predicted, **macro))
    assert got.mcc == pytest.approx(sklearn_metrics.matthews_corrcoef(y, predicted), abs=1e-12)
    assert got.confusion_matrix == sklearn_metrics.confusion_matrix(y, predicted, labels=codes).tolist()
    report = sklearn_metrics.classification_report(
        y, predicted, labels=codes, target_names=names, output_dict=True, zero_division=0
    )
    assert list(got.per_class) == list(names)
    for name, of in got.per_class.items():
        assert (of.precision, of.recall, of.f1_score, of.support) == pytest.approx(
            tuple(report[name][key] for key in ("precision", "recall", "f1-score", "support"))
        )


@pytest.mark.filterwarnings("ignore:A single label was found:UserWarning")  # by scikit-learn's own coefficient
@pytest.mark.parametrize("labeler", LABELERS, ids=lambda labeler: labeler.source)
def test_metrics_are_scikit_learns(labeler):
    names = labeler.class_names

    @FEW
    @given(SEEDS, st.integers(1, 60))
    def agree(seed, n_rows):
        logits, y = _random(seed, n_rows, len(names))
        got = _evaluate(logits, part_of(y), labeler=labeler)
        _agree_with_scikit_learn(got, y, logits.argmax(axis=1), names)

    agree()


@pytest.mark.filterwarnings("ignore:A single label was found:UserWarning")  # by scikit-learn's own coefficient
@FEW
@given(SEEDS, st.integers(1, 60))
def test_in_regression_metrics_are_those_of_the_decisions(seed, n_rows):
    forecast, y = _random_returns(seed, n_rows)
    got = _evaluate_returns(forecast, part_of(y))
    _agree_with_scikit_learn(got, _decided(y), _decided(forecast[:, 0]), ("BUY", "HOLD", "SELL"))


def test_balanced_accuracy_is_scikit_learns_where_every_class_occurs():
    logits, y = _random()
    assert _evaluate(logits, part_of(y)).balanced_accuracy == pytest.approx(
        sklearn_metrics.balanced_accuracy_score(y, logits.argmax(axis=1))
    )


def test_metrics_by_hand():
    # true BUY BUY BUY HOLD HOLD SELL, said BUY BUY HOLD HOLD SELL SELL
    logits = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2, 2]]
    got = _evaluate(logits, part_of([0, 0, 0, 1, 1, 2]))
    assert got.confusion_matrix == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert got.accuracy == pytest.approx(4 / 6)
    assert got.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert got.precision == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert got.f1_score == pytest.approx((4 / 5 + 1 / 2 + 2 / 3) / 3)
    # (4 * 6 - (3 * 2 + 2 * 2 + 1 * 2)) / sqrt((36 - 14) (36 - 12))
    assert got.mcc == pytest.approx(12 / (22 * 24) ** 0.5)
    assert got.per_class["BUY"].model_dump() == {
        "precision": 1.0,
        "recall": pytest.approx(2 / 3),
        "f1_score": pytest.approx(4 / 5),
        "support": 3,
    }
    assert (got.loss, got.returns) == (1.0, None)


@pytest.mark.filterwarnings("error")
def test_classes_that_do_not_occur_or_are_never_said_raise_no_warning():
    # true: BUY, BUY, HOLD; said: BUY, SELL, BUY
    logits = np.eye(3, dtype=np.float32)[[0, 2, 0]]
    got = _evaluate(logits, part_of([0, 0, 1]))
    assert got.recall == got.balanced_accuracy == pytest.approx((0.5 + 0) / 2)
    assert got.precision == pytest.approx((0.5 + 0) / 2)
    assert got.per_class["SELL"].support == 0
    assert got.confusion_matrix == [[1, 0, 1], [1, 0, 0], [0, 0, 0]]


@pytest.mark.filterwarnings("error")
def test_a_network_that_always_says_the_same_has_no_correlation():
    got = _evaluate(np.eye(3, dtype=np.float32)[[1, 1, 1]], part_of([1, 1, 1]))
    assert (got.mcc, got.accuracy) == (0.0, 1.0)


def test_calibration_and_confidence_are_those_of_the_networks_probabilities():
    logits, y = _random()
    got = _evaluate(logits, part_of(y), threshold=0.6)
    probabilities = special.softmax(logits.astype(np.float64), axis=1)
    assert got.expected_calibration_error == pytest.approx(expected_calibration_error(probabilities, y))
    is_covered = probabilities.max(axis=1) >= 0.6
    assert 0 < is_covered.mean() < 1
    assert got.confidence.model_dump() == {
        "threshold": 0.6,
        "coverage": pytest.approx(is_covered.mean()),
        "accuracy": pytest.approx(np.mean(logits.argmax(axis=1)[is_covered] == y[is_covered])),
    }


def test_two_equal_logits_reach_a_threshold_of_one_half():
    logits = np.array([[0.0, 0.0, -1e4], [0.0, 0.0, 0.0]], dtype=np.float32)
    confidence = _evaluate(logits, part_of([0, 0]), threshold=0.5).confidence
    assert (confidence.coverage, confidence.accuracy) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("labeler", "last_sign"), [(SIGNALS, 0.75), (CONTEXTS, 0.75), (REGIMES, None)], ids=["signal", "context", "regime"]
)
def test_baselines_stand_beside_the_metrics_and_in_the_verdict(labeler, last_sign):
    part = part_of([0, 1, 2, 0], last_sign=[1, 0, -1, -1], last_known_y=[-1, 0, 2, 0])
    logits = np.eye(len(labeler.class_names), dtype=np.float32)[[1, 1, 2, 1]]
    got = _evaluate(logits, part, labeler=labeler)
    assert got.baseline == Baseline(majority=0.25, last_sign=last_sign, persistence=0.5)
    assert got.verdict.startswith("Accuracy 0.500 is ")
    assert "equal to the persistence baseline 0.500" in got.verdict
    assert ("below the last_sign baseline 0.750" in got.verdict) == (last_sign is not None)
    assert "beats majority 0.250" in got.verdict


def test_a_forecast_of_returns_by_hand():
    # came BUY, SELL, HOLD, BUY; forecast BUY, HOLD, HOLD, SELL
    part = part_of([0.01, -0.01, 0.001, 0.003], last_sign=[1, -1, 1, 0], last_known_y=[np.nan, -0.005, -0.001, -0.004])
    got = _evaluate_returns([0.004, -0.001, 0.0015, -0.003], part, y_train=[0.01, 0.02, -0.01, 0.0])
    assert got.accuracy == 0.5
    assert got.confusion_matrix == [[1, 0, 1], [0, 1, 0], [0, 1, 0]]
    assert got.balanced_accuracy == pytest.approx((1 / 2 + 1 + 0) / 3)
    # BUY twice in training; BUY, SELL, BUY, HOLD after the last move; unknown, SELL, HOLD, SELL came last
    assert got.baseline == Baseline(majority=0.5, last_sign=0.5, persistence=0.5)
    assert (got.expected_calibration_error, got.confidence) == (None, None)
    assert got.returns.mae == pytest.approx((0.006 + 0.009 + 0.0005 + 0.006) / 4)
    assert got.returns.mae_of_zero == pytest.approx(0.024 / 4)
    # the training's mean is 0.005
    assert got.returns.mae_of_training_mean == pytest.approx((0.005 + 0.015 + 0.004 + 0.002) / 4)
    assert got.returns.directional_accuracy == 0.75


def test_a_return_that_is_not_known_yet_is_not_taken_for_a_hold():
    part = part_of([0.0, 0.0, 0.0], last_known_y=[np.nan, 0.0, 0.0])
    assert _evaluate_returns([0.0, 0.0, 0.0], part).baseline.persistence == pytest.approx(2 / 3)
    assert _evaluate_returns([0.0, 0.0, 0.0], part_of([0.0, 0.0, 0.0])).baseline.persistence is None


def test_the_majority_in_regression_is_the_decision_that_training_made_most():
    # the mean of training is negative, yet most rows decide to buy
    got = _evaluate_returns([0.0, 0.0], part_of([0.01, 0.0]), y_train=[0.01, 0.01, -0.5])
    assert got.baseline.majority == 0.5
    tied = _evaluate_returns([0.0, 0.0], part_of([0.0, 0.0]), y_train=[0.0, 0.0, -0.1, -0.1])
    assert tied.baseline.majority == 1.0


def test_returns_are_measured_as_scipy_and_scikit_learn_do():
    forecast, y = _random_returns()
    got = _evaluate_returns(forecast, part_of(y)).returns
    assert got.mae == pytest.approx(sklearn_metrics.mean_absolute_error(y, forecast))
    assert got.rmse == pytest.approx(sklearn_metrics.root_mean_squared_error(y, forecast))
    assert got.information_coefficient == pytest.approx(stats.spearmanr(forecast[:, 0], y).statistic)


def test_the_verdict_in_regression_judges_accuracy_and_error():
    part = part_of([0.01, -0.01, 0.001, 0.003])
    text = _evaluate_returns([0.0, 0.0, 0.0, 0.0], part, y_train=[0.02]).verdict
    assert "Accuracy 0.250 is below the majority baseline 0.500" in text
    assert "below the last_sign" not in text
    assert "Mean absolute error 0.006 is equal to the zero baseline 0.006" in text
    assert "It beats training_mean 0.019." in text


@FEW
@given(SEEDS, st.integers(1, 60))
def test_a_symbols_metrics_are_those_of_its_rows(seed, n_rows):
    logits, y = _random(seed, n_rows)
    y_train = np.array([0, 1, 1])
    random = np.random.default_rng(seed)
    part = part_of(y, last_sign=random.integers(-1, 2, n_rows), last_known_y=random.integers(-1, 3, n_rows))
    got = evaluate_symbol(logits, part, y_train, SIGNALS, Decisions(), ROWS)
    predicted = logits.argmax(axis=1)
    assert got.accuracy == pytest.approx(sklearn_metrics.accuracy_score(y, predicted))
    assert got.balanced_accuracy == pytest.approx(
        sklearn_metrics.recall_score(y, predicted, labels=sorted(set(y)), average="macro")
    )
    assert got.baseline == baseline_of(part, y_train, SIGNALS.directions)
    assert got.mcc == pytest.approx(sklearn_metrics.matthews_corrcoef(y, predicted))
    assert {name: getattr(got, name) for name in ROWS.model_dump()} == ROWS.model_dump()
    assert got.returns is None


@FEW
@given(SEEDS, st.integers(1, 60))
def test_a_single_symbol_has_the_metrics_of_the_whole_part(seed, n_rows):
    forecast, y = _random_returns(seed, n_rows)
    random = np.random.default_rng(seed)
    known = np.where(random.random(n_rows) < 0.3, np.nan, random.normal(scale=EDGE, size=n_rows))
    part = part_of(y, last_sign=random.integers(-1, 2, n_rows), last_known_y=known)
    y_train = random.normal(scale=EDGE, size=20)
    whole = _evaluate_returns(forecast, part, y_train)
    got = evaluate_symbol(forecast, part, y_train, RETURNS, priced(), ROWS)
    assert isinstance(got.returns, ReturnMetrics)
    assert (got.baseline, got.returns) == (whole.baseline, whole.returns)
    names = ("accuracy", "balanced_accuracy", "precision", "recall", "f1_score", "mcc")
    assert [getattr(got, name) for name in names] == [getattr(whole, name) for name in names]


def test_what_is_evaluated_is_left_as_it_was():
    forecast, y = _random_returns()
    part = part_of(y, last_known_y=np.where(y > 0, np.nan, y))
    before = (forecast.copy(), part.y.copy(), part.last_known_y.copy())
    _evaluate_returns(forecast, part)
    for array, was in zip((forecast, part.y, part.last_known_y), before, strict=True):
        assert np.array_equal(array, was, equal_nan=True)
