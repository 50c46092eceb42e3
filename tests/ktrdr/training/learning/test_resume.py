"""A resumed training ends as an uninterrupted one, to the bit: whatever the network, the keys, and where it was cut."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ktrdr.training import CheckpointPolicy
from ktrdr.training.learning.checkpoint import PatienceState, read_checkpoint, write_checkpoint
from tests.fakes.checkpoints import MemoryCheckpoints
from tests.ktrdr.training.learning.resuming import (
    LOOKS_AN_EPOCH,
    N_ROWS,
    attempt,
    cut,
    in_attempts,
    look_in,
)
from tests.ktrdr.training.small_training import KINDS, config_of, same_weights, values_of

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
SCHEDULES = (
    {"type": "none"},
    {"type": "step", "step_size": 2, "gamma": 0.5},
    {"type": "exponential"},
    {"type": "reduce_on_plateau", "patience": 1},
    {"type": "cosine"},
)
KEYS = {
    "decay": {"weight_decay": 0.05, "optimizer": "adamw"},
    "clip": {"gradient_clip": 0.05},
    "momentum": {"optimizer": "sgd", "momentum": 0.0},
    "focal": {"loss": "focal", "class_weights": "balanced"},
    "huber": {"loss": "huber"},
    "mse": {"loss": "mse", "gradient_clip": 0.5},
    "auto": {"batch_size": "auto"},
}
STOPPING = {"epochs": 25, "learning_rate": 0.05}


def _assert_same(resumed, whole):
    assert values_of(resumed[1]) == values_of(whole[1])
    assert same_weights(resumed[0], whole[0])
    assert not resumed[0].training


@pytest.mark.parametrize(
    ("kind", "optimizer", "schedule"),
    itertools.product(KINDS, OPTIMIZERS, SCHEDULES),
    ids=lambda value: value["type"] if isinstance(value, dict) else value,
)
def test_every_optimizer_and_schedule_goes_on_as_if_nothing_had_been(kind, optimizer, schedule):
    config = config_of(epochs=5, optimizer=optimizer, lr_scheduler=schedule, learning_rate=0.02)
    whole = attempt(config, kind=kind)
    _assert_same(in_attempts(config, look_in(4), kind=kind, policy=CheckpointPolicy()), whole)


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_so_does_every_other_key(keys):
    config = config_of(**{"learning_rate": 0.02, **keys})
    _assert_same(in_attempts(config, look_in(3)), attempt(config))


@pytest.mark.parametrize("kind", KINDS)
def test_so_do_weighted_rows(kind):
    config = config_of()
    weights = np.random.default_rng(1).uniform(0.2, 2.0, N_ROWS * 2 // 3).astype(np.float32)
    whole = attempt(config, kind=kind, weights=weights)
    _assert_same(in_attempts(config, look_in(2), kind=kind, weights=weights), whole)
    assert values_of(whole[1]) != values_of(attempt(config, kind=kind)[1])


@pytest.mark.parametrize("cancels", [True, False], ids=["cancelled", "broken off"])
@pytest.mark.parametrize("look", range(1, 3 * LOOKS_AN_EPOCH + 1))
def test_it_does_not_matter_where_it_was_cut(look, cancels):
    config = config_of(epochs=3)
    store = MemoryCheckpoints()
    cut(config, store, look, cancels=cancels)
    n_finished = (look - 1) // LOOKS_AN_EPOCH + (look % LOOKS_AN_EPOCH == 0)
    resumed = attempt(config, store)
    assert resumed[2].resumed_after == n_finished
    _assert_same(resumed, attempt(config))


@given(
    kind=st.sampled_from(KINDS),
    looks=st.lists(st.integers(1, 7), min_size=1, max_size=3),
    every=st.integers(1, 4),
    cancels=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None)
def test_nor_how_often_or_how_seldom_a_state_was_saved(kind, looks, every, cancels, seed):
    config = config_of(epochs=6, seed=seed, lr_scheduler={"type": "reduce_on_plateau", "patience": 1})
    # what is not saved on the way is saved by whatever ends an attempt, short of the process
    keys = {"kind": kind, "policy": CheckpointPolicy(every_epochs=every)}
    _assert_same(in_attempts(config, *looks, cancels=cancels, **keys), attempt(config, kind=kind))


@pytest.mark.parametrize("n_lost", [1, 2, 3])
def test_epochs_after_the_newest_state_are_trained_once_more(n_lost):
    config = config_of(epochs=6)
    store = MemoryCheckpoints()
    cut(config, store, look_in(5))
    del store.states[len(store.states) - n_lost :]
    resumed = attempt(config, store)
    assert resumed[2].resumed_after == 4 - n_lost
    _assert_same(resumed, attempt(config))


@pytest.mark.parametrize(("monitor", "min_delta"), [("val_loss", 0.0), ("val_loss", 0.02), ("val_accuracy", 0.0)])
def test_early_stopping_stops_where_it_would_have_wherever_it_was_cut(monitor, min_delta):
    config = config_of(**STOPPING, early_stopping={"patience": 3, "monitor": monitor, "min_delta": min_delta})
    whole = attempt(config, kept := MemoryCheckpoints())
    n_epochs = whole[1].epochs_completed
    assert whole[1].early_stopped
    assert 3 < n_epochs < config.epochs
    assert len(kept.states) == n_epochs
    # from the state one before the last the first epoch that is trained stops it, from the last none is trained
    for epoch in range(1, n_epochs + 1):
        store = MemoryCheckpoints(kept.states[:epoch])
        resumed = attempt(config, store, policy=CheckpointPolicy())
        assert resumed[2].resumed_after == epoch
        _assert_same(resumed, whole)


@pytest.mark.parametrize("keys", [{}, {**STOPPING, "early_stopping": {"patience": 3}}], ids=["all epochs", "stopped"])
def test_a_finished_training_is_given_back_without_another_batch(keys):
    config, store, calls = config_of(**keys), MemoryCheckpoints(), []
    whole = attempt(config, store)
    again = attempt(config, store, progress_callback=lambda *call: calls.append(call))
    assert again[2].resumed_after == whole[1].epochs_completed
    assert calls == []
    _assert_same(again, whole)


def test_progress_goes_on_with_the_next_epoch_and_the_total_of_all():
    config, store, calls = config_of(epochs=5), MemoryCheckpoints(), []
    cut(config, store, look_in(4))
    attempt(config, store, progress_callback=lambda *call: calls.append(call))
    assert [call[:2] for call in calls if call[2]["progress_type"] == "epoch"] == [(4, 5), (5, 5)]
    assert calls[0][2]["val_loss"] is not None  # of epoch 3


def test_saving_changes_neither_the_training_nor_the_processs_random_numbers():
    config = config_of(epochs=5)
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    _assert_same(attempt(config, MemoryCheckpoints()), attempt(config))
    cut(config, store := MemoryCheckpoints(), look_in(3))
    attempt(config, store)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize("part", ["random_cpu", "shuffle", "optimizer", "schedule", "patience", "best_value"])
def test_every_part_of_the_state_is_needed(part):
    """With one part as it is at the start, the end is another: the promises above would notice."""
    schedule = {"type": "step", "step_size": 2, "gamma": 0.9}
    keys = {"epochs": 14, "seed": 5, "learning_rate": 0.03, "early_stopping": {"patience": 4}}
    config = config_of(**keys, lr_scheduler=schedule)
    whole = attempt(config, kept := MemoryCheckpoints())
    assert whole[1].best_epoch < 6 < whole[1].epochs_completed
    store = MemoryCheckpoints(kept.states[:6])
    store.states.append(_with_a_part_anew(part, store.latest()))
    assert values_of(attempt(config, store)[1]) != values_of(whole[1])


def _with_a_part_anew(part, content):
    kept, anew_seeded = read_checkpoint(content), torch.Generator().manual_seed(5).get_state()
    if part == "random_cpu":
        return write_checkpoint(kept.model_copy(update={part: anew_seeded}))
    anew = {
        "shuffle": anew_seeded,
        "optimizer": {},
        "schedule": {**kept.learner.schedule, "last_epoch": 1},
        "patience": PatienceState(reference=math.inf, n_waited=0),
        "best_value": 1e9,
    }[part]
    return write_checkpoint(kept.model_copy(update={"learner": kept.learner.model_copy(update={part: anew})}))
