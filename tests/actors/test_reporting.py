from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from actors import reporting
from actors.reporting import Reporter
from ktrdr.async_infrastructure import GenericProgressManager, Progress


class Away(Exception):
    pass


class Actor:
    """Takes reports; away for the first `n_failures` of them; can be held at the door."""

    def __init__(self, n_failures: int = 0) -> None:
        self.n_failures = n_failures
        self.is_open = threading.Event()
        self.is_open.set()
        self.is_waiting = threading.Event()
        self.progress: list[dict[str, Any]] = []
        self.epochs: list[int] = []
        self.lines: list[str] = []

    def __call__(
        self, progress: dict[str, Any] | None, epochs: Sequence[dict[str, Any]], lines: Sequence[dict[str, Any]]
    ) -> None:
        self.is_waiting.set()
        self.is_open.wait(10)
        if self.n_failures:
            self.n_failures -= 1
            raise Away
        if progress:
            self.progress.append(progress)
        self.epochs += [epoch["epoch"] for epoch in epochs]
        self.lines += [line["event"] for line in lines]


def updates(n: int) -> list[Progress]:
    made: list[Progress] = []
    manager = GenericProgressManager("train-1", callback=made.append)
    for number in range(1, n + 1):
        with manager.step(number, "a step"):
            pass
    return made


def test_of_progress_the_latest_wins_and_no_epoch_or_line_is_lost() -> None:
    actor = Actor()
    actor.is_open.clear()
    reporter = Reporter(actor, transient=(Away,))
    made = updates(12)
    for number, update in enumerate(made):
        reporter.progress(update)
        reporter.epoch({"epoch": number})
        reporter.line({"event": str(number)})
    actor.is_open.set()
    assert reporter.close()
    assert actor.progress[-1] == made[-1].as_dict()
    assert len(actor.progress) < len(made)
    assert actor.epochs == list(range(12))
    assert actor.lines == [str(number) for number in range(12)]


def test_a_slow_actor_does_not_hold_up_the_training() -> None:
    actor = Actor()
    actor.is_open.clear()
    reporter = Reporter(actor, transient=(Away,))
    reporter.epoch({"epoch": 0})
    assert actor.is_waiting.wait(10)
    for number in range(1, 10_000):  # all taken while the actor answers nothing
        reporter.epoch({"epoch": number})
    actor.is_open.set()
    assert reporter.close()
    assert actor.epochs == list(range(10_000))


def test_what_an_absent_actor_missed_is_sent_again_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "RETRY_S", 0.0)
    actor = Actor(n_failures=3)
    reporter = Reporter(actor, transient=(Away,))
    for number in range(5):
        reporter.epoch({"epoch": number})
    assert reporter.close()
    assert actor.epochs == list(range(5))


def test_without_news_it_says_that_the_training_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "HEARTBEAT_S", 0.01)
    actor = Actor()
    reporter = Reporter(actor, transient=(Away,))
    assert actor.is_waiting.wait(10)
    assert (actor.progress, actor.epochs, actor.lines) == ([], [], [])
    assert reporter.close()


def test_lines_are_numbered_in_order_and_keep_their_number_when_they_are_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reporting, "RETRY_S", 0.0)
    sent: list[list[tuple[str, int]]] = []

    def send(_progress: Any, _epochs: Sequence[dict[str, Any]], lines: Sequence[dict[str, Any]]) -> None:
        sent.append([(line["event"], line["sequence"]) for line in lines])
        if len(sent) == 1:  # taken, but its acknowledgement is lost
            raise Away

    reporter = Reporter(send, transient=(Away,))
    for event in ("one", "two", "three"):
        reporter.line({"event": event})
    assert reporter.close()
    assert {line for lines in sent for line in lines} == {("one", 1), ("two", 2), ("three", 3)}
    assert sent[1][: len(sent[0])] == sent[0]


def test_an_attempt_that_was_reopened_numbers_its_lines_above_those_before() -> None:
    sent: list[int] = []
    reporter = Reporter(lambda _p, _e, lines: sent.extend(line["sequence"] for line in lines), (Away,), line_number=900)
    reporter.line({"event": "one"})
    reporter.line({"event": "two"})
    assert reporter.close()
    assert sent == [900, 901]
