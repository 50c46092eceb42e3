from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from sklearn.calibration import calibration_curve

from ktrdr.training.evaluation.confidence import confidence_at, expected_calibration_error, softmax


def _random(seed: int, n_rows: int, n_classes: int):
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2.0, size=(n_rows, n_classes)).astype(np.float32)
    return softmax(logits), random.integers(0, n_classes, n_rows)


def test_probabilities_sum_to_one_for_any_logits():
    probabilities = softmax(np.array([[1e4, -1e4, 0], [1, 1, 1]], dtype=np.float32))
    assert probabilities.tolist() == [[1.0, 0.0, 0.0], pytest.approx([1 / 3] * 3)]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_probabilities_are_scipys(seed):
    logits = np.random.default_rng(seed).normal(scale=20, size=(20, 4)).astype(np.float32)
    assert softmax(logits) == pytest.approx(special.softmax(logits.astype(np.float64), axis=1), rel=1e-12)


def test_calibration_error_by_hand():
    # confidences 0.95, 0.85, 0.95, 0.55; right, wrong, right, right
    probabilities = np.array([[0.95, 0.05], [0.85, 0.15], [0.05, 0.95], [0.45, 0.55]])
    expected = (2 * 0.05 + 0.85 + 0.45) / 4
    assert expected_calibration_error(probabilities, np.array([0, 1, 1, 1])) == pytest.approx(expected)


@pytest.mark.parametrize("edge", [0.6, 0.7, 0.8, 0.9])
def test_a_confidence_on_an_edge_belongs_to_the_bin_below(edge):
    # both share a bin: one right, one wrong
    below = edge - 0.0999
    probabilities = np.array([[edge, 1 - edge], [below, 1 - below]])
    expected = abs(edge + below - 1) / 2
    assert expected_calibration_error(probabilities, np.array([0, 1])) == pytest.approx(expected)


def test_one_that_is_always_sure_and_right_is_calibrated_and_wrong_is_not():
    sure = np.eye(3)
    assert expected_calibration_error(sure, np.array([0, 1, 2])) == 0.0
    assert expected_calibration_error(sure, np.array([1, 2, 0])) == 1.0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(2, 5))
def test_calibration_error_is_that_of_scikit_learns_reliability_curve(seed, n_rows, n_classes):
    probabilities, y = _random(seed, n_rows, n_classes)
    confidence, is_right = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    accuracies, means = calibration_curve(is_right, confidence, n_bins=10)
    n_rows_of = np.bincount(np.digitize(confidence, np.linspace(0, 1, 11), right=True))
    n_rows_of = n_rows_of[n_rows_of > 0]
    expected = np.sum(n_rows_of * np.abs(accuracies - means)) / n_rows
    assert expected_calibration_error(probabilities, y) == pytest.approx(expected)


def test_confidence_states_coverage_and_accuracy_above_the_threshold():
    probabilities, y = np.array([[0.9, 0.05, 0.05], [0.4, 0.3, 0.3], [0.1, 0.8, 0.1]]), np.array([0, 0, 2])
    confidence = confidence_at(0.6, probabilities, y)
    assert (confidence.threshold, confidence.coverage, confidence.accuracy) == (0.6, pytest.approx(2 / 3), 0.5)


def test_without_a_confident_row_there_is_no_accuracy():
    probabilities, y = np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0])
    confidence = confidence_at(1.0, probabilities, y)
    assert (confidence.coverage, confidence.accuracy) == (0.0, None)


def test_a_row_exactly_at_the_threshold_is_covered():
    confidence = confidence_at(0.5, np.array([[0.5, 0.5, 0.0], [0.4, 0.3, 0.3]]), np.array([0, 1]))
    assert (confidence.coverage, confidence.accuracy) == (0.5, 1.0)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_confidence_is_that_of_a_loop_over_rows(seed, threshold):
    probabilities, y = _random(seed, 50, 3)
    rows = [list(row) for row in probabilities]
    covered = [row.index(max(row)) == true for row, true in zip(rows, y, strict=True) if max(row) >= threshold]
    got = confidence_at(threshold, probabilities, y)
    assert got.coverage == pytest.approx(len(covered) / 50)
    assert got.accuracy == (pytest.approx(sum(covered) / len(covered)) if covered else None)
