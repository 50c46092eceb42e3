"""Uniqueness of labels, counted by hand and by going through every bar of every life."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.labels import build, uniqueness
from tests.ktrdr.labels.series import random_bars


def times_of(n_bars: int) -> pd.DatetimeIndex:
    return pd.date_range("2020-01-01", periods=n_bars, tz="UTC", name="time", unit="us")


def lives_of(spans: list[tuple[int, int]], times: pd.DatetimeIndex) -> pd.Series:
    """Return `known_at` of labels that live from one position to another."""
    rows, known = zip(*spans, strict=True) if spans else ((), ())
    return pd.Series(times[list(known)], index=times[list(rows)], name="known_at")


def test_a_label_is_alive_after_its_row_up_to_and_with_known_at() -> None:
    # alive on bars 1 to 5: 1, 2, 2, 1, 1
    assert uniqueness(lives_of([(0, 3), (1, 3), (3, 5)], times_of(6)), times_of(6)).tolist() == pytest.approx(
        [(1 + 1 / 2 + 1 / 2) / 3, 1 / 2, 1.0]
    )


def test_labels_that_follow_each_other_are_unique() -> None:
    assert uniqueness(lives_of([(0, 2), (2, 3), (3, 7)], times_of(8)), times_of(8)).tolist() == [1.0, 1.0, 1.0]


def test_there_may_be_no_labels() -> None:
    assert uniqueness(lives_of([], times_of(5)), times_of(5)).tolist() == []
    assert uniqueness(lives_of([], times_of(0)), times_of(0)).tolist() == []


@given(
    st.lists(st.tuples(st.integers(0, 39), st.integers(1, 15)), max_size=30, unique_by=lambda life: life[0]).map(sorted)
)
def test_uniqueness_equals_going_through_every_bar(lives: list[tuple[int, int]]) -> None:
    spans = [(row, min(row + length, 40)) for row, length in lives]
    times = times_of(41)
    expected = []
    for row, known in spans:
        shares = [1 / sum(start < bar <= end for start, end in spans) for bar in range(row + 1, known + 1)]
        expected.append(sum(shares) / len(shares))
    measured = uniqueness(lives_of(spans, times), times)
    assert measured.tolist() == pytest.approx(expected, rel=1e-12)
    assert measured.index.equals(times[[row for row, _ in spans]])
    assert ((measured > 0) & (measured <= 1)).all()


def test_labels_of_a_fixed_horizon_share_every_bar_with_as_many_others() -> None:
    bars = random_bars(100, seed=1)
    labelled = build({"source": "forward_return", "horizon": 10}).label(bars)
    assert uniqueness(labelled["known_at"], bars.index).iloc[20:70].to_numpy() == pytest.approx(0.1)


def test_bars_and_labels_may_count_time_in_other_units() -> None:
    times = times_of(6)
    known_at = lives_of([(0, 3), (1, 3), (3, 5)], times)
    other = pd.Series(pd.DatetimeIndex(known_at).as_unit("ns"), index=pd.DatetimeIndex(known_at.index).as_unit("s"))
    assert uniqueness(other, times).tolist() == uniqueness(known_at, times).tolist()


@pytest.mark.parametrize(("row", "known"), [(1, 1), (2, 1), (0, 7), (7, 8)])
def test_labels_that_are_not_of_the_bars_are_refused(row: int, known: int) -> None:
    known_at = lives_of([(0, 2), (row, known)], times_of(9))
    with pytest.raises(ValueError, match=r"is known at .*: both must be bars of the series"):
        uniqueness(known_at, times_of(5))


def test_a_million_bars_take_seconds_at_most_and_long_sums_stay_exact() -> None:
    times = pd.date_range("2000-01-01", periods=1_000_000, freq="min", tz="UTC", unit="us")
    rows = np.arange(999_900)
    started = time.process_time()
    measured = uniqueness(pd.Series(times[rows + 100], index=times[rows]), times)
    assert time.process_time() - started < 10
    assert np.allclose(measured.iloc[200:-200], 0.01, rtol=1e-8, atol=0)
    assert measured.max() <= 1


def test_bars_of_one_time_are_refused_in_plain_words() -> None:
    times = times_of(5)
    with pytest.raises(ValueError, match=r"two bars open at 2020-01-03 00:00:00.* must be unique"):
        uniqueness(lives_of([(0, 1)], times), times.insert(3, times[2]))
