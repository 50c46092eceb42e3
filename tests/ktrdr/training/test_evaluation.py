from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn_metrics

from ktrdr.results import Baseline, RowAccount
from ktrdr.training.dataset import UNKNOWN_CLASS, Part
from ktrdr.training.evaluation import (
    baseline_of,
    evaluate,
    evaluate_symbol,
    expected_calibration_error,
    softmax,
    verdict,
)

SIGNALS = ("BUY", "HOLD", "SELL")


def _part(y, last_sign=None, last_known_y=None) -> Part:
    n_rows = len(y)
    times = pd.date_range("2020-01-01", periods=n_rows, tz="UTC")
    index = pd.MultiIndex.from_product([["A"], times], names=["symbol", "time"])
    zeros = np.zeros(n_rows, dtype=np.int64)
    return Part(
        X=np.zeros((n_rows, 1), dtype=np.float32),
        y=np.array(y, dtype=np.int64),
        index=index,
        known_at=times,
        last_sign=zeros if last_sign is None else np.array(last_sign),
        last_known_y=zeros if last_known_y is None else np.array(last_known_y),
    )


def _random(n_rows: int = 500, n_classes: int = 3):
    random = np.random.default_rng(1)
    y = random.integers(0, n_classes, n_rows)
    logits = random.normal(size=(n_rows, n_classes)).astype(np.float32)
    logits[np.arange(n_rows), y] += 0.7
    return logits, y


def _evaluate(logits, part, y_train=(0, 1, 1, 2), threshold=0.5):
    return evaluate(
        logits, part, loss=1.0, y_train=np.array(y_train), class_names=SIGNALS, confidence_threshold=threshold
    )


def test_metrics_are_scikit_learns():
    logits, y = _random()
    predicted = logits.argmax(axis=1)
    got = _evaluate(logits, _part(y))
    assert got.accuracy == pytest.approx(sklearn_metrics.accuracy_score(y, predicted))
    assert got.balanced_accuracy == pytest.approx(sklearn_metrics.balanced_accuracy_score(y, predicted))
    assert got.precision == pytest.approx(sklearn_metrics.precision_score(y, predicted, average="macro"))
    assert got.recall == pytest.approx(sklearn_metrics.recall_score(y, predicted, average="macro"))
    assert got.f1_score == pytest.approx(sklearn_metrics.f1_score(y, predicted, average="macro"))
    assert got.mcc == pytest.approx(sklearn_metrics.matthews_corrcoef(y, predicted))
    assert got.confusion_matrix == sklearn_metrics.confusion_matrix(y, predicted).tolist()
    report = sklearn_metrics.classification_report(y, predicted, target_names=SIGNALS, output_dict=True)
    assert got.per_class["SELL"].f1_score == pytest.approx(report["SELL"]["f1-score"])
    assert got.per_class["BUY"].support == report["BUY"]["support"]


@pytest.mark.filterwarnings("error")
def test_classes_that_do_not_occur_or_are_never_said_raise_no_warning():
    # true: BUY, BUY, HOLD; said: BUY, SELL, BUY
    logits = np.eye(3, dtype=np.float32)[[0, 2, 0]]
    got = _evaluate(logits, _part([0, 0, 1]))
    assert got.recall == got.balanced_accuracy == pytest.approx((0.5 + 0) / 2)
    assert got.precision == pytest.approx((0.5 + 0) / 2)
    assert got.per_class["SELL"].support == 0
    assert got.confusion_matrix == [[1, 0, 1], [1, 0, 0], [0, 0, 0]]


@pytest.mark.filterwarnings("error")
def test_a_network_that_always_says_the_same_has_no_correlation():
    got = _evaluate(np.eye(3, dtype=np.float32)[[1, 1, 1]], _part([1, 1, 1]))
    assert (got.mcc, got.accuracy) == (0.0, 1.0)


def test_probabilities_sum_to_one_for_any_logits():
    probabilities = softmax(np.array([[1e4, -1e4, 0], [1, 1, 1]], dtype=np.float32))
    assert probabilities.tolist() == [[1.0, 0.0, 0.0], pytest.approx([1 / 3] * 3)]


def test_calibration_error_by_hand():
    # confidences 0.95, 0.85, 0.95, 0.55; right, wrong, right, right
    probabilities = np.array([[0.95, 0.05], [0.85, 0.15], [0.05, 0.95], [0.45, 0.55]])
    expected = (2 * 0.05 + 0.85 + 0.45) / 4
    assert expected_calibration_error(probabilities, np.array([0, 1, 1, 1])) == pytest.approx(expected)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    # 0.6 and 0.5001 share the bin (0.5, 0.6]: one right, one wrong
    probabilities = np.array([[0.6, 0.4], [0.5001, 0.4999]])
    expected = abs(0.6 + 0.5001 - 1) / 2
    assert expected_calibration_error(probabilities, np.array([0, 1])) == pytest.approx(expected)


def test_baselines_by_hand():
    part = _part([0, 1, 2, 0], last_sign=[1, 1, -1, 0], last_known_y=[UNKNOWN_CLASS, 1, 2, 1])
    baseline = baseline_of(part, np.array([1, 1, 0]), SIGNALS)
    # majority HOLD: 1 of 4; last_sign says BUY, BUY, SELL, HOLD: 2 of 4; persistence: none, right, right, wrong
    assert baseline == Baseline(majority=0.25, last_sign=0.5, persistence=0.5)


def test_baselines_that_do_not_apply_are_null():
    part = _part([0, 1], last_known_y=[UNKNOWN_CLASS, UNKNOWN_CLASS])
    baseline = baseline_of(part, np.array([0, 1]), ("TREND_UP", "TREND_DOWN"))
    assert (baseline.last_sign, baseline.persistence) == (None, None)


def test_confidence_states_coverage_and_accuracy_above_the_threshold():
    logits = np.log(np.array([[0.9, 0.05, 0.05], [0.4, 0.3, 0.3], [0.1, 0.8, 0.1]], dtype=np.float32))
    confidence = _evaluate(logits, _part([0, 0, 2]), threshold=0.6).confidence
    assert (confidence.coverage, confidence.accuracy) == (pytest.approx(2 / 3), 0.5)
    assert _evaluate(logits, _part([0, 0, 2]), threshold=1.0).confidence.accuracy is None


def test_the_verdict_names_every_baseline_and_whether_it_is_beaten():
    text = verdict(0.41, Baseline(majority=0.45, last_sign=0.33, persistence=0.41))
    assert "below the majority baseline 0.450" in text
    assert "equal to the persistence baseline 0.410" in text
    assert "beats last_sign 0.330" in text
    assert verdict(0.5, Baseline(majority=0.45, last_sign=None, persistence=None)) == (
        "Accuracy 0.500 beats every baseline: majority 0.450."
    )


def test_a_row_exactly_at_the_threshold_is_covered():
    # two equal logits and one far below: 0.5 in binary exactly
    logits = np.array([[0.0, 0.0, -1e4], [0.0, 0.0, 0.0]], dtype=np.float32)
    confidence = _evaluate(logits, _part([0, 0]), threshold=0.5).confidence
    assert (confidence.coverage, confidence.accuracy) == (0.5, 1.0)


def test_the_verdict_shows_decimals_enough_to_tell_values_apart():
    text = verdict(0.35012, Baseline(majority=0.35014, last_sign=0.2, persistence=0.35012))
    assert "Accuracy 0.35012 is below the majority baseline 0.35014" in text
    assert "equal to the persistence baseline 0.35012" in text
    assert "beats last_sign 0.20000" in text
    just_above = verdict(0.3504, Baseline(majority=0.3496, last_sign=None, persistence=None))
    assert just_above == "Accuracy 0.3504 beats every baseline: majority 0.3496."
    # one row in ten million, and one step of a double
    assert "Accuracy 0.3500000 is below the majority baseline 0.3500001" in verdict(
        0.35, Baseline(majority=0.3500001, last_sign=None, persistence=None)
    )
    nearest = verdict(0.35, Baseline(majority=float(np.nextafter(0.35, 1)), last_sign=None, persistence=None))
    shown, baseline = re.findall(r"0\.[0-9]+", nearest)
    assert shown < baseline


def test_a_symbols_metrics_are_those_of_its_rows():
    logits, y = _random(60)
    fields = dict.fromkeys(RowAccount.model_fields, 1)
    got = evaluate_symbol(logits, _part(y), np.array([0, 1, 1]), SIGNALS, RowAccount(**fields))
    predicted = logits.argmax(axis=1)
    assert got.accuracy == pytest.approx(sklearn_metrics.accuracy_score(y, predicted))
    assert got.balanced_accuracy == pytest.approx(sklearn_metrics.balanced_accuracy_score(y, predicted))
    assert got.rows.rows_loaded == 1
