"""How silence is counted."""

from __future__ import annotations

import pytest

from actors.leases import LOOK_S, Leases


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(clock: Clock) -> Leases:
    return Leases(clock)


def look_for(leases: Leases, clock: Clock, seconds: int, attempt: int = 1) -> float:
    for _ in range(seconds):
        clock.now_s += 1
        leases.silent_s("train-1", attempt)
    return leases.silent_s("train-1", attempt)


def test_silence_grows_from_the_first_look_on(leases: Leases, clock: Clock) -> None:
    assert leases.silent_s("train-1", 1) == 0.0
    assert look_for(leases, clock, 7) == 7.0


def test_a_word_ends_it_and_is_news_after_a_silence_and_when_it_is_the_first(leases: Leases, clock: Clock) -> None:
    assert leases.heard("train-1", 1)
    assert not leases.heard("train-1", 1)
    look_for(leases, clock, 7)
    assert leases.heard("train-1", 1)
    assert not leases.heard("train-1", 1)
    assert look_for(leases, clock, 3) == 3.0


def test_while_nobody_looks_nobody_is_silent(leases: Leases, clock: Clock) -> None:
    leases.heard("train-1", 1)
    clock.now_s += 600  # the actor itself was held up
    assert leases.silent_s("train-1", 1) == 2 * LOOK_S


def test_each_attempt_has_a_lease_of_its_own_and_an_older_ones_word_counts_nothing(
    leases: Leases, clock: Clock
) -> None:
    leases.heard("train-1", 1)
    look_for(leases, clock, 5)
    assert leases.silent_s("train-1", 2) == 0.0
    assert look_for(leases, clock, 4, attempt=2) == 4.0
    assert not leases.heard("train-1", 1)
    assert leases.silent_s("train-1", 2) == 4.0


def test_what_was_forgotten_begins_anew(leases: Leases, clock: Clock) -> None:
    leases.silent_s("train-1", 1)
    look_for(leases, clock, 5)
    leases.end("train-1")
    assert leases.silent_s("train-1", 1) == 0.0
