"""Zigzag labels, counted by hand and against a slow reading of the definition."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.labels import Signal, build
from tests.ktrdr.labels import readings
from tests.ktrdr.labels.readings import Rows, extremes_by_definition
from tests.ktrdr.labels.series import bars_of

BUY, HOLD, SELL = Signal.BUY, Signal.HOLD, Signal.SELL


def rows_of(closes: list[float], threshold: float) -> Rows:
    return readings.rows_of(bars_of(closes), source="zigzag", threshold=threshold)


def test_swings_counted_by_hand() -> None:
    #         0    1    2    3    4    5    6    7    8    9
    closes = [104, 100, 105, 110, 120, 115, 107, 100, 105, 112.0]
    # low at 1, confirmed by 110 at 3; high at 4, confirmed by 107 (-10.8 %) at 6; low at 7, confirmed by 112 at 9
    assert rows_of(closes, 0.1) == [
        (1, HOLD, 3),
        (2, BUY, 6),
        (3, BUY, 6),
        (4, HOLD, 6),
        (5, SELL, 9),
        (6, SELL, 9),
        (7, HOLD, 9),
    ]


def test_the_first_leg_starts_at_a_running_extreme_and_not_at_the_first_bar() -> None:
    # nothing is 10 % from bar 0; 110 is 10 % from the low at bar 2
    assert rows_of([105, 103, 100, 104, 110, 98], 0.1) == [(2, HOLD, 4), (3, BUY, 5), (4, HOLD, 5)]


def test_the_first_extreme_may_be_a_high() -> None:
    assert rows_of([100, 105, 100, 94, 104], 0.1) == [(1, HOLD, 3), (2, SELL, 4), (3, HOLD, 4)]


def test_of_equal_closes_the_first_is_the_extreme() -> None:
    closes = [100, 100, 110, 110, 98, 98, 110.0]
    assert rows_of(closes, 0.1) == [
        (0, HOLD, 2),
        (1, BUY, 4),
        (2, HOLD, 4),
        (3, SELL, 6),
        (4, HOLD, 6),
    ]


def test_a_close_exactly_the_threshold_away_is_a_reversal() -> None:
    assert rows_of([100, 102, 99.96], 0.02) == [(0, HOLD, 1), (1, HOLD, 2)]
    assert rows_of([100, 101.9], 0.02) == []


def test_a_swing_that_is_not_confirmed_has_no_rows() -> None:
    assert rows_of([100, 110, 120, 130, 140.0], 0.1) == [(0, HOLD, 1)]


def by_definition(closes: list[float], threshold: float) -> Rows:
    """Zigzag read word by word, a row at a time."""
    extremes = extremes_by_definition(closes, [threshold] * len(closes))
    rows: Rows = []
    for row in range(len(closes)):
        before = [e for e in extremes if e[0] < row]
        after = [e for e in extremes if e[0] >= row]
        if not after or (not before and after[0][0] != row):
            continue
        position, kind, known = after[0]
        label = HOLD if position == row else BUY if kind == "high" else SELL
        rows.append((row, int(label), known))
    return rows


@given(
    closes=st.lists(st.integers(90, 112).map(float), max_size=60),
    threshold=st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.2]),
)
def test_labels_equal_a_slow_reading_of_the_definition(closes: list[float], threshold: float) -> None:
    assert rows_of(closes, threshold) == by_definition(closes, threshold)


@pytest.mark.parametrize("threshold", [1.0, 5.0])
def test_thresholds_above_one_find_no_fall(threshold: float) -> None:
    assert rows_of([100, 1, 700, 1.0], threshold) == [(1, HOLD, 2)]


def test_index_and_times_are_those_of_the_bars() -> None:
    bars = bars_of([100, 110, 98.0])
    expected = pd.DataFrame({"label": [1, 1], "known_at": bars.index[[1, 2]]}, index=bars.index[[0, 1]])
    pd.testing.assert_frame_equal(build({"source": "zigzag", "threshold": 0.1}).label(bars), expected)
