from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from ktrdr.training.learning.optimization import LearningRate, optimizer_of
from tests.ktrdr.training.small_training import config_of, network_of, train

SCHEDULES = {
    "none": "none",
    "step": {"type": "step", "step_size": 2, "gamma": 0.5},
    "exponential": {"type": "exponential", "gamma": 0.8},
    "reduce_on_plateau": {"type": "reduce_on_plateau", "factor": 0.1, "patience": 1},
    "cosine": {"type": "cosine", "eta_min": 0.002},
}


def _rates(schedule, monitored, **keys):
    """Return the rate of each epoch whose monitored value, smaller is better, is given."""
    config = config_of(lr_scheduler=schedule, learning_rate=0.01, epochs=len(monitored), **keys)
    optimizer = optimizer_of(config, nn.Linear(1, 1))
    rate, rates = LearningRate(config, optimizer), []
    for value in monitored:
        rates.append(rate.value)
        optimizer.step()
        rate.end_epoch(value)
    return rates


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("none", lambda epoch: 0.01),
        ("step", lambda epoch: 0.01 * 0.5 ** (epoch // 2)),
        ("exponential", lambda epoch: 0.01 * 0.8**epoch),
        ("cosine", lambda epoch: 0.002 + 0.008 * (1 + math.cos(math.pi * epoch / 10)) / 2),
    ],
)
def test_rates_follow_the_formula(name, formula):
    assert _rates(SCHEDULES[name], [1.0] * 10) == pytest.approx([formula(epoch) for epoch in range(10)], rel=1e-9)


def test_a_plateau_lowers_the_rate_after_more_than_patience_epochs_without_improvement():
    # epochs:   1    2    3    4    5    6    7    8    9
    values = [0.9, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.7, 0.7]
    lowered_after = (5, 7)
    expected = [0.01 * 0.1 ** sum(epoch > after for after in lowered_after) for epoch in range(1, 10)]
    assert _rates(SCHEDULES["reduce_on_plateau"], values) == pytest.approx(expected)


def test_an_improvement_counts_on_a_plateau_however_small():
    creeping = [1.0 - 1e-9 * epoch for epoch in range(6)]
    assert _rates(SCHEDULES["reduce_on_plateau"], creeping) == [0.01] * 6


def test_a_tiny_rate_falls_on_a_plateau_too():
    config = config_of(lr_scheduler=SCHEDULES["reduce_on_plateau"], learning_rate=1e-9)
    rate = LearningRate(config, optimizer_of(config, nn.Linear(1, 1)))
    for _ in range(3):
        rate.end_epoch(1.0)
    assert rate.value == pytest.approx(1e-10)


def _torchs_rates(name, monitored, mode):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    schedule = {
        "step": lambda: lr_scheduler.StepLR(optimizer, 2, 0.5),
        "exponential": lambda: lr_scheduler.ExponentialLR(optimizer, 0.8),
        "reduce_on_plateau": lambda: lr_scheduler.ReduceLROnPlateau(optimizer, mode, 0.1, 1, threshold=0),
        "cosine": lambda: lr_scheduler.CosineAnnealingLR(optimizer, len(monitored), 0.002),
    }[name]()
    rates = []
    for value in monitored:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step(*([value] if name == "reduce_on_plateau" else []))
    return rates


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"none"}))
@pytest.mark.parametrize(("monitor", "mode"), [("val_loss", "min"), ("val_accuracy", "max")])
def test_the_historys_rates_are_those_of_torchs_schedule_over_its_values(name, monitor, mode):
    stopping = {"patience": 100, "monitor": monitor}
    config = config_of(epochs=8, lr_scheduler=SCHEDULES[name], learning_rate=0.3, early_stopping=stopping)
    _, history = train(config)
    assert history.learning_rate == _torchs_rates(name, getattr(history, monitor), mode)
    assert len(set(history.learning_rate)) > 1


def test_an_epoch_trains_with_the_rate_that_the_history_says():
    # plain gradient descent on all rows at once: at a tenth of the rate, the second step is a tenth as long
    def biases(epochs, gamma):
        schedule = {"type": "exponential", "gamma": gamma}
        keys = {"optimizer": "sgd", "momentum": 0.0, "batch_size": 1000, "learning_rate": 0.1}
        network, history = train(
            config_of(epochs=epochs, lr_scheduler=schedule, **keys), network=network_of(dropout=0.0)
        )
        assert history.best_epoch == epochs
        assert history.learning_rate == pytest.approx([0.1, 0.1 * gamma][:epochs])
        return network.get_parameter("output.bias").detach()

    after_one = biases(1, 1.0)
    assert torch.equal(biases(1, 0.1), after_one)
    assert torch.allclose(biases(2, 0.1) - after_one, 0.1 * (biases(2, 1.0) - after_one), rtol=1e-3, atol=1e-7)
