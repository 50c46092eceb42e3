from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier

from ktrdr.results import Baseline
from ktrdr.training.evaluation.baselines import baseline_of
from ktrdr.training.rows.splitting import UNKNOWN_CLASS
from tests.ktrdr.training.small_parts import CONTEXTS, REGIMES, SIGNALS, part_of

CODES = st.lists(st.integers(0, 3), min_size=1, max_size=40)


def test_baselines_by_hand():
    part = part_of([0, 1, 2, 0], last_sign=[1, 1, -1, 0], last_known_y=[UNKNOWN_CLASS, 1, 2, 1])
    # majority HOLD: 1 of 4; last_sign says BUY, BUY, SELL, HOLD: 2 of 4; persistence: none, right, right, wrong
    assert baseline_of(part, np.array([1, 1, 0]), SIGNALS.directions) == Baseline(
        majority=0.25, last_sign=0.5, persistence=0.5
    )


def test_the_last_move_goes_on_in_the_words_of_context_labels():
    # says BULLISH, BULLISH, NEUTRAL, BEARISH, BEARISH
    part = part_of([0, 2, 1, 2, 1], last_sign=[1, 1, 0, -1, -1])
    assert baseline_of(part, np.array([2]), CONTEXTS.directions).last_sign == 3 / 5


def test_the_last_move_says_nothing_of_a_regime():
    part = part_of([0, 1, 2, 3], last_sign=[1, -1, 0, 0], last_known_y=[UNKNOWN_CLASS, 0, 2, 3])
    assert baseline_of(part, np.array([3, 3, 0]), REGIMES.directions) == Baseline(
        majority=0.25, last_sign=None, persistence=0.5
    )


def test_the_codes_of_directions_are_read_not_assumed():
    part = part_of([2, 0, 1], last_sign=[1, 0, -1])
    assert baseline_of(part, np.array([0]), (2, 0, 1)).last_sign == 1.0


def test_of_equally_frequent_classes_the_lower_code_is_the_majority():
    assert baseline_of(part_of([1, 1, 2]), np.array([2, 1, 2, 1]), None).majority == 2 / 3


def test_a_majority_that_never_occurs_in_the_part_is_never_right():
    assert baseline_of(part_of([1, 2]), np.array([0, 0, 1]), None).majority == 0.0


def test_persistence_is_null_where_no_label_is_known_yet():
    assert baseline_of(part_of([0, 1]), np.array([0, 1]), None).persistence is None


@settings(max_examples=40, deadline=None)
@given(CODES, CODES)
def test_the_majority_is_scikit_learns_most_frequent_class(y, y_train):
    dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(y_train), 1)), y_train)
    expected = dummy.score(np.zeros((len(y), 1)), y)
    assert baseline_of(part_of(y), np.array(y_train), None).majority == pytest.approx(expected)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 1), st.integers(UNKNOWN_CLASS, 2)), min_size=1))
def test_baselines_are_those_of_a_loop_over_rows(rows):
    y, last_sign, last_known_y = (np.array(column) for column in zip(*rows, strict=True))
    got = baseline_of(part_of(y, last_sign=last_sign, last_known_y=last_known_y), np.array([0]), SIGNALS.directions)
    n_right_sign = n_right_known = 0
    for true, sign, known in rows:
        n_right_sign += true == {1: 0, 0: 1, -1: 2}[sign]
        n_right_known += known == true
    assert got.last_sign == pytest.approx(n_right_sign / len(rows))
    is_null = all(known == UNKNOWN_CLASS for _, _, known in rows)
    assert got.persistence == (None if is_null else pytest.approx(n_right_known / len(rows)))
