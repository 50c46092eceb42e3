"""Confirmed extremes, counted by hand and against a slow reading of the definition."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.labels import events, extremes, lives
from ktrdr.labels.extremes import confirmed_extremes
from tests.ktrdr.labels.readings import extremes_by_definition

NAN = float("nan")


def pairs_of(closes: list[float], thresholds: float | list[float]) -> list[tuple[int, int]]:
    """Return (extreme, confirmed)."""
    found = confirmed_extremes(np.array(closes, dtype=float), np.array(thresholds))
    return list(zip(found.at.tolist(), found.confirmed.tolist(), strict=True))


def test_the_threshold_of_the_bar_that_confirms_counts() -> None:
    closes = [100, 100, 110, 104, 98.0]
    assert pairs_of(closes, [0.5, 0.5, 0.1, 0.5, 0.1]) == [(0, 2), (2, 4)]
    assert pairs_of(closes, [0.1, 0.1, 0.5, 0.1, 0.1]) == [(2, 4)]


def test_a_close_exactly_the_threshold_away_confirms() -> None:
    assert pairs_of([2, 3, 1.5], 0.5) == [(0, 1), (1, 2)]  # halves are exact
    assert pairs_of([2, 3, 1.5], 0.5000001) == []


def test_a_bar_without_a_threshold_confirms_nothing() -> None:
    assert pairs_of([100, 110, 111, 99.0], [NAN, NAN, 0.1, 0.1]) == [(0, 2), (2, 3)]
    assert pairs_of([100, 110, 121, 99.0], [NAN] * 4) == []


def test_the_next_extreme_may_lie_before_the_bar_that_confirms_the_one_before_it() -> None:
    # the high at 0 is confirmed at 3 only, by a close above the low at 2, which is the one that 103 reverses
    assert pairs_of([110, 100, 95, 98, 103.0], [0.5, 0.5, 0.5, 0.1, 0.08]) == [(0, 3), (2, 4)]


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        ([110, 95, 100, 99.0], [(0, 2), (1, 3)]),
        ([95, 110, 100, 101.0], [(0, 2), (1, 3)]),
    ],
)
def test_of_two_first_extremes_that_a_bar_reverses_the_earlier_comes_first(
    closes: list[float], expected: list[tuple[int, int]]
) -> None:
    assert pairs_of(closes, [0.5, 0.5, 0.04, 0.04]) == expected


prices = st.integers(90, 112).map(float)
thresholds = st.sampled_from([NAN, 0.01, 0.02, 0.05, 0.1, 0.2])


@given(st.lists(st.tuples(prices, thresholds), max_size=60))
def test_extremes_equal_a_slow_reading_of_the_definition(bars: list[tuple[float, float]]) -> None:
    closes, least = [close for close, _ in bars], [threshold for _, threshold in bars]
    expected = [(at, confirmed) for at, _, confirmed in extremes_by_definition(closes, least)]
    assert pairs_of(closes, least) == expected


@given(st.lists(st.tuples(prices, thresholds), max_size=60))
def test_extremes_take_turns_and_are_confirmed_one_a_bar(bars: list[tuple[float, float]]) -> None:
    closes, least = np.array([close for close, _ in bars]), np.array([threshold for _, threshold in bars])
    found = confirmed_extremes(closes, least)
    assert (np.diff(found.at) > 0).all()
    assert (np.diff(found.confirmed) > 0).all()
    assert (found.confirmed > found.at).all()
    legs = np.diff(closes[found.at])
    assert (legs != 0).all()
    assert (legs[1:] * legs[:-1] < 0).all()


@pytest.mark.parametrize("module", [events, extremes, lives])
def test_examples_hold(module: object) -> None:
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
