"""When a state is saved, what is refused, and what a failing store costs."""

from __future__ import annotations

import logging
import math

import pytest
import torch

from ktrdr.async_infrastructure import ThreadCancellationToken
from ktrdr.errors import BadCheckpoint, CancellationError, OtherCheckpoint
from ktrdr.training import CheckpointPolicy
from ktrdr.training.learning.checkpoint import read_checkpoint, write_checkpoint
from tests.fakes.checkpoints import CutAt, FullDisk, MemoryCheckpoints
from tests.ktrdr.training.learning.resuming import N_ROWS, attempt, cut, look_in
from tests.ktrdr.training.small_training import config_of, network_of, rows_for, same_weights, values_of

ONLY_AT_THE_END = CheckpointPolicy(interval_s=math.inf)


class Clock:
    """Stands still but for the epochs, each of which takes ten seconds."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def after_epochs(self, epoch, total_epochs, metrics):
        if metrics["progress_type"] == "epoch":
            self.now += 10.0


def _epochs_saved(store):
    return [read_checkpoint(content).learner.n_epochs for content in store.states]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (CheckpointPolicy(interval_s=30), [4, 7, 8]),
        (CheckpointPolicy(every_epochs=3), [3, 6, 8]),
        (CheckpointPolicy(interval_s=40, every_epochs=3), [3, 6, 8]),
        (CheckpointPolicy(interval_s=20, every_epochs=3), [3, 5, 7, 8]),
        (CheckpointPolicy(interval_s=1e-9), [2, 3, 4, 5, 6, 7, 8]),
        (ONLY_AT_THE_END, [8]),
    ],
)
def test_states_are_saved_when_due_and_the_last_one_always(policy, expected):
    store, clock = MemoryCheckpoints(), Clock()
    attempt(config_of(epochs=8), store, policy=policy, clock=clock, progress_callback=clock.after_epochs)
    assert _epochs_saved(store) == expected


def test_after_a_resume_epochs_are_counted_from_the_state_resumed():
    config, store = config_of(epochs=8), MemoryCheckpoints()
    cut(config, store, look_in(3), policy=ONLY_AT_THE_END)
    attempt(config, store, policy=CheckpointPolicy(every_epochs=4))
    assert _epochs_saved(store) == [2, 6, 8]


@pytest.mark.parametrize("cancels", [True, False], ids=["cancelled", "broken off"])
def test_the_last_finished_epoch_is_saved_before_an_attempt_ends(cancels):
    store = MemoryCheckpoints()
    cut(config_of(), store, look_in(3), policy=ONLY_AT_THE_END, cancels=cancels)
    assert _epochs_saved(store) == [2]


def test_so_it_is_when_the_callback_cancels():
    def cancel(epoch, total_epochs, metrics):
        if epoch == 3:
            raise CancellationError("From the callback")

    store = MemoryCheckpoints()
    with pytest.raises(CancellationError):
        attempt(config_of(), store, policy=ONLY_AT_THE_END, progress_callback=cancel)
    assert _epochs_saved(store)[-1] in (2, 3)  # of epoch 3 a batch or the end was reported


def test_a_cancel_before_the_first_epoch_is_over_saves_nothing():
    store, token = MemoryCheckpoints(), ThreadCancellationToken()
    cut(config_of(), store, look_in(1))
    token.cancel()
    with pytest.raises(CancellationError):
        attempt(config_of(), store, token)
    assert store.states == []


def test_a_state_that_is_saved_already_is_not_saved_again():
    store = MemoryCheckpoints()
    cut(config_of(), store, look_in(3))
    assert _epochs_saved(store) == [1, 2]
    attempt(config_of(), store)
    attempt(config_of(), store)
    assert _epochs_saved(store) == [1, 2, 3, 4]


def test_the_time_of_a_training_is_that_of_all_its_attempts():
    config, store = config_of(epochs=7), MemoryCheckpoints()
    for last_epoch in (2, 5):
        clock, token = Clock(), ThreadCancellationToken()

        def until_cancelled(epoch, total, metrics, clock=clock, token=token, last_epoch=last_epoch):
            clock.after_epochs(epoch, total, metrics)
            if epoch == last_epoch and metrics["progress_type"] == "epoch":
                token.cancel()

        with pytest.raises(CancellationError):
            attempt(config, store, token, clock=clock, progress_callback=until_cancelled, policy=ONLY_AT_THE_END)
    assert _epochs_saved(store) == [2, 5]
    clock = Clock()
    assert attempt(config, store, clock=clock, progress_callback=clock.after_epochs)[1].training_time_s == 70.0


# --- of another training


@pytest.mark.parametrize(
    ("changes", "differing", "words"),
    [
        ({"hashes": ("other", "d", "c")}, ("strategy",), "with another strategy."),
        ({"hashes": ("s", "other", "c")}, ("bars",), "with other bars."),
        ({"seed": 8}, ("seed",), "with another seed."),
        (
            {"hashes": ("other", "other", "c"), "seed": 8},
            ("strategy", "bars", "seed"),
            "with another strategy and other bars and another seed.",
        ),
    ],
)
def test_the_state_of_another_training_is_refused_and_left_as_it_is(changes, differing, words):
    store = MemoryCheckpoints()
    cut(config_of(), store, look_in(3))
    before, network, untouched = list(store.states), network_of(), network_of()
    config = config_of(seed=changes.get("seed", 7))
    with pytest.raises(OtherCheckpoint) as refusal:
        attempt(config, store, network=network, hashes=changes.get("hashes", ("s", "d", "c")))
    assert refusal.value.differing == differing
    assert words in str(refusal.value)
    assert refusal.value.kind == "config"
    assert store.states == before
    assert same_weights(network, untouched)


@pytest.mark.parametrize("number", range(4))
def test_so_is_that_of_other_rows(number):
    store, config = MemoryCheckpoints(), config_of()
    cut(config, store, look_in(3))
    rows = [part.copy() for part in rows_for("mlp", config, N_ROWS)]
    rows[number][0] = rows[number][1] + 1 if number in (0, 2) else (rows[number][0] + 1) % 3
    with pytest.raises(OtherCheckpoint, match="with other rows"):
        attempt(config, store, rows=rows)


# --- elsewhere


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("torch", "1.0.0", "torch 1.0.0, now "),
        ("n_threads", 64, "thread count 64, now 1"),
        ("cpu_capability", "NONE", "CPU capability NONE, now "),
        ("device", "cuda NVIDIA H100", "device cuda NVIDIA H100, now cpu"),
        ("batch_size", 4096, "batch size 4096, now 32"),
        ("code", "another", "code another, now c"),
    ],
)
def test_a_state_from_elsewhere_goes_on_with_a_warning_that_names_what_differs(field, value, words, caplog):
    config, store = config_of(), MemoryCheckpoints()
    whole = attempt(config)
    cut(config, store, look_in(3))
    kept = read_checkpoint(store.latest())
    there = kept.circumstances.model_copy(update={field: value})
    store.save(write_checkpoint(kept.model_copy(update={"circumstances": there})))
    resumed = attempt(config, store)
    [warning] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "will not be bit-identical" in warning
    assert words in warning
    assert resumed[2].resumed_after == 2
    assert values_of(resumed[1]) == values_of(whole[1])


def test_attempts_that_were_not_made_alike_are_mixed_also_once_the_place_is_the_first_again():
    config, store = config_of(), MemoryCheckpoints()
    cut(config, store, look_in(2))
    cut(config, store, look_in(2), hashes=("s", "d", "other code"))
    assert attempt(config, store)[2].is_mixed
    alike = MemoryCheckpoints()
    cut(config, alike, look_in(2))
    assert not attempt(config, alike)[2].is_mixed


def test_at_the_same_place_there_is_no_warning(caplog):
    store = MemoryCheckpoints()
    with caplog.at_level(logging.INFO, logger="ktrdr.training"):
        cut(config_of(), store, look_in(3))
        attempt(config_of(), store)
    assert [record.getMessage() for record in caplog.records if "Resumed" in record.getMessage()] == [
        f"Resumed after epoch 2; the best so far was epoch {read_checkpoint(store.states[1]).learner.best_epoch}"
    ]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_generator_of_another_kind_of_device_is_not_put_into_this_ones():
    store = MemoryCheckpoints()
    cut(config_of(), store, look_in(3))
    kept = read_checkpoint(store.latest())
    store.save(write_checkpoint(kept.model_copy(update={"random_device": torch.zeros(16, dtype=torch.uint8)})))
    assert values_of(attempt(config_of(), store)[1]) == values_of(attempt(config_of())[1])


# --- a store that fails


def test_a_state_that_cannot_be_saved_costs_a_warning_and_not_the_training(caplog):
    network, history, _ = attempt(config_of(), FullDisk())
    whole = attempt(config_of())
    assert same_weights(network, whole[0])
    assert values_of(history) == values_of(whole[1])
    warnings = [record.getMessage() for record in caplog.records]
    assert "The state after epoch 1 could not be saved: The disk is full." in warnings


def test_nor_does_it_stand_in_the_way_of_a_cancel():
    with pytest.raises(CancellationError):
        attempt(config_of(), FullDisk(), CutAt(look_in(3)))


# --- no state of such a network


@pytest.mark.parametrize(
    "keys",
    [
        {"kind": "lstm"},
        {"config": config_of(lr_scheduler={"type": "exponential"})},
        {"config": config_of(lr_scheduler={"type": "step"})},
        {"config": config_of(early_stopping={"patience": 2})},
        {"config": config_of(epochs=1)},
    ],
    ids=["network", "schedule", "step", "early stopping", "epochs"],
)
def test_a_state_that_does_not_fit_the_learner_is_an_error(keys):
    """A store that claims the same hashes and holds something else: never the wrong state in silence."""
    store, kind = MemoryCheckpoints(), keys.get("kind", "mlp")
    cut(config_of(), store, look_in(3))
    config, of_kind = keys.get("config", config_of()), rows_for(kind, config_of(), N_ROWS)
    origin = read_checkpoint(attempt_for_origin(config, kind, of_kind)).origin
    kept = read_checkpoint(store.latest())
    store.save(write_checkpoint(kept.model_copy(update={"origin": origin})))
    with pytest.raises(BadCheckpoint, match=r"another|not that of whole epochs"):
        attempt(config, store, kind=kind)


def attempt_for_origin(config, kind, rows):
    store = MemoryCheckpoints()
    attempt(config, store, kind=kind, rows=rows)
    return store.latest()
