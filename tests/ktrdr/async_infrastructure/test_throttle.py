from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.async_infrastructure import AdaptiveStride
from tests.ktrdr.async_infrastructure.clock import Clock


def run(stride: AdaptiveStride, clock: Clock, n_batches: int, batch_s: float, first: int = 1) -> list[float]:
    """Return the times at which batches were due."""
    due = []
    for n in range(first, first + n_batches):
        clock.advance(batch_s)
        if stride.is_due(n):
            due.append(clock.now_s)
    return due


def test_the_first_update_comes_after_ten_batches() -> None:
    stride = AdaptiveStride(Clock())
    assert next(n for n in range(1, 21) if stride.is_due(n)) == 10


@pytest.mark.parametrize(("gap_s", "expected"), [(0.149, 20), (0.151, 10), (0.300, 10), (0.449, 10), (0.451, 5)])
def test_updates_too_close_double_the_stride_and_updates_too_far_apart_halve_it(gap_s: float, expected: int) -> None:
    clock = Clock()
    stride = AdaptiveStride(clock)
    run(stride, clock, n_batches=10, batch_s=1.0)  # the first update has none before it to compare with
    assert stride.stride == 10
    run(stride, clock, n_batches=10, batch_s=gap_s / 10, first=11)
    assert stride.stride == expected


def test_slow_batches_are_all_reported() -> None:
    clock = Clock()
    stride = AdaptiveStride(clock)
    run(stride, clock, n_batches=100, batch_s=2.0)
    assert stride.stride == 1
    assert len(run(stride, clock, n_batches=5, batch_s=2.0, first=101)) == 5


def test_a_stride_of_100_is_not_passed_while_updates_are_far_enough_apart() -> None:
    clock = Clock()
    stride = AdaptiveStride(clock)
    run(stride, clock, n_batches=3_000, batch_s=0.0017)  # 100 batches take 170 ms
    assert stride.stride == 100


def test_very_fast_batches_pass_100_until_updates_are_far_enough_apart() -> None:
    clock = Clock()
    stride = AdaptiveStride(clock)
    run(stride, clock, n_batches=100_000, batch_s=0.0001)
    due = run(stride, clock, n_batches=20_000, batch_s=0.0001, first=100_001)
    gaps_s = [later - earlier for earlier, later in itertools.pairwise(due)]
    assert stride.stride == 1600
    assert gaps_s and all(0.15 <= gap_s <= 0.45 for gap_s in gaps_s)


def test_epochs_shorter_than_the_stride_are_counted_on() -> None:
    stride = AdaptiveStride(Clock())
    due = [(epoch, n) for epoch in range(1, 6) for n in range(1, 5) if stride.is_due(n)]
    assert due[0] == (3, 2)  # the tenth batch


def test_the_clock_is_read_only_where_an_update_is_due() -> None:
    clock = Clock()
    reads: list[float] = []

    def counting() -> float:
        reads.append(clock())
        return clock()

    stride = AdaptiveStride(counting)
    assert not any(stride.is_due(n) for n in range(1, 10))
    assert reads == []


@given(batch_s=st.floats(0.0002, 0.4))
def test_whatever_the_speed_updates_settle_between_100_and_700_ms_apart(batch_s: float) -> None:
    clock = Clock()
    stride = AdaptiveStride(clock)
    run(stride, clock, n_batches=6_000, batch_s=batch_s)
    due = run(stride, clock, n_batches=3_000, batch_s=batch_s, first=6_001)
    gaps_s = [later - earlier for earlier, later in itertools.pairwise(due)]
    assert gaps_s and all(0.1 <= gap_s <= 0.7 for gap_s in gaps_s)
