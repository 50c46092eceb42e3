"""What holds of every training, whatever network, optimizer, schedule and loss: written once."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from ktrdr.training.learning.forward import outputs_of
from ktrdr.training.learning.losses import loss_of
from tests.ktrdr.training.small_training import (
    CPU,
    KINDS,
    config_of,
    n_outputs_of,
    network_of,
    rows_for,
    same_weights,
    train_kind,
    values_of,
)

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
SCHEDULES = (
    "none",
    {"type": "step", "step_size": 1, "gamma": 0.5},
    "exponential",
    {"type": "reduce_on_plateau", "patience": 1},
    "cosine",
)
LOSSES = ("cross_entropy", "focal", "huber", "mse")
COMBINATIONS = list(itertools.product(KINDS, OPTIMIZERS, SCHEDULES, LOSSES))


def _config(optimizer, schedule, loss, **keys):
    schedule = {"type": schedule} if isinstance(schedule, str) else schedule
    return config_of(**{"epochs": 2, "optimizer": optimizer, "lr_scheduler": schedule, "loss": loss, **keys})


def _name(value):
    return value["type"] if isinstance(value, dict) else value


@pytest.mark.parametrize(("kind", "optimizer", "schedule", "loss"), COMBINATIONS, ids=_name)
def test_the_same_seed_gives_the_same_bits_and_moves_every_weight(kind, optimizer, schedule, loss):
    config = _config(optimizer, schedule, loss)
    first, history = train_kind(kind, config, n_rows=45)
    torch.rand(3)
    second, again = train_kind(kind, config, n_rows=45)
    assert same_weights(first, second)
    assert values_of(history) == values_of(again)
    start = network_of(config.seed, kind=kind, n_outputs=n_outputs_of(config))
    moved = [not torch.equal(a, b) for a, b in zip(start.parameters(), first.parameters(), strict=True)]
    assert all(moved)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_then_b_equals_b_then_a(kind, loss):
    configs = [_config("adam", "exponential", loss, seed=seed) for seed in (1, 2)]
    forwards = [train_kind(kind, config, n_rows=90) for config in configs]
    torch.manual_seed(12345)
    backwards = [train_kind(kind, config, n_rows=90) for config in reversed(configs)][::-1]
    for (network, history), (twin, again) in zip(forwards, backwards, strict=True):
        assert same_weights(network, twin)
        assert values_of(history) == values_of(again)
    assert not same_weights(forwards[0][0], forwards[1][0])


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy"])
@pytest.mark.parametrize(
    ("loss", "class_weights"),
    [
        ("cross_entropy", "none"),
        ("cross_entropy", "balanced"),
        ("focal", "balanced"),
        ("huber", "none"),
        ("mse", "none"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_the_saved_weights_give_the_best_epochs_validation_values_once_more(kind, loss, class_weights, monitor):
    config = config_of(
        epochs=6,
        learning_rate=0.03,
        loss=loss,
        class_weights=class_weights,
        early_stopping={"patience": 50, "monitor": monitor},
    )
    _, y, X_val, y_val = rows_for(kind, config, 150)
    weights = np.random.default_rng(0).random(len(y)).astype(np.float32) + 0.1
    network, history = train_kind(kind, config, dropout=0.3, weights=weights, n_rows=150)
    best = min(history.val_loss) if monitor == "val_loss" else max(history.val_accuracy)
    assert history.best_epoch == getattr(history, monitor).index(best) + 1  # the first of equal ones
    judge = loss_of(config, y, n_outputs_of(config))
    outputs, labels = torch.from_numpy(outputs_of(network, X_val, CPU)), torch.from_numpy(y_val)
    assert judge.held_out(outputs, labels, "validation") == history.val_loss[history.best_epoch - 1]
    assert judge.accuracy(outputs, labels) == history.val_accuracy[history.best_epoch - 1]
    assert not network.training


@pytest.mark.parametrize(("kind", "loss"), [("mlp", "mse"), ("lstm", "huber"), ("gru", "huber")])
def test_a_planted_return_is_learned(kind, loss):
    config = config_of(epochs=15, batch_size=16, learning_rate=0.03, loss=loss)
    _, history = train_kind(kind, config, dropout=0.0)
    assert max(history.val_accuracy) > 0.85
    assert history.best_val_loss < 0.3 * history.val_loss[0]
