from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.async_infrastructure import STEPS, GenericProgressManager, Progress, ProgressCallback
from ktrdr.errors import CancellationError
from tests.ktrdr.async_infrastructure.clock import Clock

PAYLOAD = {
    "operation_id", "attempt", "sequence", "current_step", "total_steps", "percentage", "step_percentage",
    "batch_percentage", "message", "eta_s", "context",
}  # fmt: skip
CONTEXT = {
    "epoch", "total_epochs", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "batch",
    "total_batches", "batch_loss", "batch_accuracy", "symbol", "timeframe", "indicator",
}  # fmt: skip


class Run:
    """A manager and all it published."""

    def __init__(self, callback: Callable[[Progress], None] | None = None, attempt: int = 1) -> None:
        self.clock = Clock()
        self.updates: list[Progress] = []
        self.manager = GenericProgressManager(
            "train-1", callback=callback or self.updates.append, attempt=attempt, clock=self.clock
        )

    @property
    def last(self) -> Progress:
        return self.updates[-1]


def batch(n: int, total: int) -> dict[str, Any]:
    return {
        "progress_type": "batch", "batch": n, "total_batches_per_epoch": total, "batch_loss": 0.7,
        "batch_accuracy": 0.5, "learning_rate": 0.001,
    }  # fmt: skip


def epoch_metrics(val_loss: float = 0.6) -> dict[str, Any]:
    return {
        "progress_type": "epoch", "train_loss": 0.5, "train_accuracy": 0.8, "val_loss": val_loss, "val_accuracy": 0.7,
        "learning_rate": 0.001,
    }  # fmt: skip


def test_every_update_has_every_key_and_is_json() -> None:
    run = Run(attempt=2)
    with run.manager.step(1, STEPS[0]):
        run.manager.update_step_progress(1, 2, context={"symbol": "SP500", "timeframe": "1d"})
    with run.manager.step(7, STEPS[6]):
        run.manager.training_callback(1, 2, batch(1, 4))
        run.manager.training_callback(1, 2, epoch_metrics())
    for update in run.updates:
        payload = update.as_dict()
        assert set(payload) == PAYLOAD and set(payload["context"]) == CONTEXT
        assert payload["operation_id"] == "train-1" and payload["attempt"] == 2
        json.dumps(payload, allow_nan=False)
    assert [update.sequence for update in run.updates] == [1, 2, 3, 4, 5]


def test_percentage_is_the_share_of_steps_and_the_last_one_is_complete() -> None:
    run = Run()
    for number, name in enumerate(STEPS, 1):
        with run.manager.step(number, name):
            pass
    shown = [8.3, 16.7, 25.0, 33.3, 41.7, 50.0, 58.3, 66.7, 75.0, 83.3, 91.7, 100.0]
    assert [update.percentage for update in run.updates] == shown
    assert [update.current_step for update in run.updates] == list(range(1, 13))
    assert run.last.step_percentage == 100.0 and run.last.message == "Complete"


@pytest.mark.parametrize("number", [0, 13])
def test_there_is_no_step_outside_the_plan(number: int) -> None:
    with pytest.raises(ValueError, match=r"1\.\.12"), Run().manager.step(number, "Elsewhere"):
        pass


def test_a_batch_moves_the_batch_and_the_step_but_not_the_whole() -> None:
    run = Run()
    with run.manager.step(7, STEPS[6]):
        run.manager.training_callback(5, 100, batch(30, 100))
    assert run.last.message == "Training neural network model - Epoch 5/100 - Batch 30/100"
    assert (run.last.percentage, run.last.step_percentage, run.last.batch_percentage) == (58.3, 4.3, 30.0)
    seen = {key: value for key, value in run.last.context.items() if value is not None}
    assert seen == {
        "epoch": 5, "total_epochs": 100, "batch": 30, "total_batches": 100, "batch_loss": 0.7, "batch_accuracy": 0.5,
        "learning_rate": 0.001,
    }  # fmt: skip


def test_an_epoch_carries_its_metrics_and_no_batch() -> None:
    run = Run()
    with run.manager.step(7, STEPS[6]):
        run.manager.training_callback(1, 4, batch(2, 2))
        run.manager.training_callback(1, 4, epoch_metrics())
    assert run.last.message == "Training neural network model - Epoch 1/4"
    assert (run.last.step_percentage, run.last.batch_percentage) == (25.0, 100.0)
    assert run.last.context["val_loss"] == 0.6 and run.last.context["batch"] is None


def test_the_remaining_time_comes_from_the_epochs_measured() -> None:
    run = Run()
    with run.manager.step(7, STEPS[6]):
        run.clock.advance(1.0)
        run.manager.training_callback(1, 10, batch(1, 2))
        assert run.last.eta_s is None
        run.clock.advance(1.0)
        run.manager.training_callback(1, 10, epoch_metrics())
        assert run.last.eta_s == 18.0  # nine epochs of 2 s
        run.clock.advance(4.0)
        run.manager.training_callback(2, 10, epoch_metrics())
        assert run.last.eta_s == 24.0  # eight of 3 s
        run.manager.training_callback(3, 10, batch(1, 2))
        assert run.last.eta_s == 22.5  # seven and a half
    with run.manager.step(8, STEPS[7]):
        assert run.last.eta_s is None


def test_the_remaining_time_of_a_step_that_counts_items_comes_from_their_rate_in_it() -> None:
    run = Run()
    with run.manager.step(2, STEPS[1]):
        run.clock.advance(60.0)  # what came before the first item says nothing about items
        run.manager.update_step_progress(1, 11)
        assert run.last.eta_s is None
        run.clock.advance(2.0)
        run.manager.update_step_progress(2, 11)
        assert run.last.eta_s == 18.0  # nine items of 2 s
        run.clock.advance(4.0)
        run.manager.update_step_progress(3, 11)
        assert run.last.eta_s == 24.0  # eight of 3 s
        run.clock.advance(1.0)
        run.manager.update_step_progress(11, 11)
        assert run.last.eta_s == 0.0
    with run.manager.step(3, STEPS[2]):
        assert run.last.eta_s is None  # the next step measures its own
        run.manager.update_step_progress(1, 1)
        assert run.last.eta_s is None


def test_the_remaining_time_of_loading_counts_over_segments() -> None:
    run = Run()
    with run.manager.step(1, STEPS[0]):
        for segment in (1, 2):
            run.manager.update_segment(segment, 4)
            run.clock.advance(3.0)
            run.manager.update_items(100, 100)
    assert run.last.eta_s == 6.0  # two of four segments in 6 s


def test_a_resumed_training_measures_its_own_epochs_only() -> None:
    run = Run()
    with run.manager.step(7, STEPS[6]):
        run.clock.advance(2.0)
        run.manager.training_callback(9, 10, epoch_metrics())
    assert run.last.eta_s == 2.0


def test_items_are_reported_at_most_ten_times_a_second_but_the_first_always() -> None:
    run = Run()
    with run.manager.step(2, STEPS[1]):
        for item in range(1, 101):
            run.manager.update_step_progress(item, 100, context={"indicator": f"sma_{item}"})
            run.clock.advance(1 / 32)  # exact in binary: every fourth item is the first that is 0.1 s later
    assert run.updates[1].message == "Calculating technical indicators - sma_1"
    assert [update.step_percentage for update in run.updates[1:]] == [float(n) for n in range(1, 101, 4)]
    with run.manager.step(3, STEPS[2]):
        run.manager.update_step_progress(1, 3)
    assert [update.current_step for update in run.updates[-2:]] == [3, 3]
    assert run.last.context["indicator"] is None


def test_segments_and_items_make_the_share_of_data_loaded() -> None:
    run = Run()
    shares = []
    with run.manager.step(1, STEPS[0]):
        for segment in (1, 2):
            run.manager.update_segment(segment, 2)
            for items in (50, 100):
                run.clock.advance(1)
                run.manager.update_items(items, 100)
                shares.append(run.last.step_percentage)
    assert shares == [25.0, 50.0, 75.0, 100.0]


def test_a_message_stands_after_the_name_of_its_step() -> None:
    run = Run()
    with run.manager.step(6, STEPS[5]):
        run.manager.update_step_progress(1, 2, "purging")
    assert run.last.message == "Splitting train/test data - purging"


def test_a_callback_that_raises_is_logged_once_and_training_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    calls = []

    def broken(update: Progress) -> None:
        calls.append(update)
        raise RuntimeError("the screen is gone")

    run = Run(broken)
    with caplog.at_level(logging.ERROR), run.manager.step(7, STEPS[6]):
        run.manager.training_callback(1, 2, epoch_metrics())
        run.manager.training_callback(2, 2, epoch_metrics())
    assert len(calls) == 3
    assert len(caplog.records) == 1 and "train-1" in caplog.text and "the screen is gone" in caplog.text


def test_a_cancellation_passes_through_the_callback() -> None:
    def cancel(update: Progress) -> None:
        raise CancellationError("enough")

    with pytest.raises(CancellationError, match="enough"), Run(cancel).manager.step(1, STEPS[0]):
        pass


def test_the_manager_works_without_a_callback_and_gives_the_executor_one() -> None:
    manager = GenericProgressManager("train-1")
    callback: ProgressCallback = manager.training_callback
    with manager.step(7, STEPS[6]):
        callback(1, 1, epoch_metrics())


def test_another_renderer_makes_the_message() -> None:
    class Shouting:
        def render(self, step_number: int, step_name: str, context: Any) -> str:
            return f"{step_number} {step_name.upper()}"

    updates: list[Progress] = []
    with GenericProgressManager("train-1", 3, Shouting(), updates.append).step(3, "done"):
        pass
    assert updates[0].message == "3 DONE" and updates[0].percentage == 100.0


def test_an_update_keeps_its_context_when_later_ones_come() -> None:
    run = Run()
    with run.manager.step(7, STEPS[6]):
        run.manager.training_callback(1, 2, epoch_metrics(0.9))
        run.manager.training_callback(2, 2, epoch_metrics(0.1))
    assert [update.context["val_loss"] for update in run.updates] == [None, 0.9, 0.1]


@given(st.lists(st.tuples(st.integers(1, 12), st.lists(st.integers(0, 20), max_size=6)), max_size=20))
def test_percentages_never_go_back_whatever_is_reported(steps: list[tuple[int, list[int]]]) -> None:
    run = Run()
    for number, items in steps:
        n_before = len(run.updates)
        with run.manager.step(number, STEPS[number - 1]):
            for item in items:
                run.clock.advance(1)
                run.manager.update_step_progress(item, 10)
        shares = [update.step_percentage for update in run.updates[n_before:]]
        assert shares == sorted(shares) and all(0 <= share <= 100 for share in shares)
    whole = [update.percentage for update in run.updates]
    assert whole == sorted(whole)
