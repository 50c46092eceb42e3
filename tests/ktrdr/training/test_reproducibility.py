"""One seed, one model: byte for byte, whatever was trained before it; and the saved weights are the best epoch's."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from torch.nn import functional

from ktrdr.model.network import network_from
from ktrdr.strategy import load_strategy
from tests.fakes.markets import in_memory, walking_bars
from tests.ktrdr.training.strategies import document
from tests.ktrdr.training.whole import prepare, train

RETURNS = {
    "decisions": {"output_format": "regression", "cost_model": {"round_trip_cost": 0.002}},
    "training.labels": {"source": "forward_return", "horizon": 5},
}
RECURRENT = {"sequence_length": 4, "hidden_size": 6, "num_layers": 2, "dropout": 0.3}
FITTED = {"indicator": "roc_10", "fit": "quantiles", "terms": ["low", "middle", "high"]}
WEIGHTED = {"training.class_weights": "balanced", "training.sample_weights": "uniqueness"}
FOCAL = {"training.loss": "focal", "training.focal_gamma": 1.5, **WEIGHTED}
BY_ACCURACY = {"training.early_stopping": {"patience": 50, "monitor": "val_accuracy"}}

KINDS = {
    "mlp": {},
    "dropout": {"model.architecture.dropout": 0.4},
    "lstm": {"model": {"type": "lstm", "architecture": RECURRENT}},
    "gru": {"model": {"type": "gru", "architecture": RECURRENT}},
    "regression": RETURNS,
    "fitted": {
        "fuzzy_sets.roc": FITTED,
        "nn_inputs": [{"fuzzy_set": "roc"}, {"raw_indicator": "rsi_14", "normalization": "zscore"}],
        "model.features": {"lookback_periods": 2},
    },
    "several symbols": {"training_data.symbols": {"mode": "multi_symbol", "list": ["A", "B"]}},
    "weights": FOCAL,
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def _data():
    return in_memory(A=walking_bars(500, seed=1), B=walking_bars(400, seed=2))


def _strategy(kind="mlp", **overrides):
    keys = document()
    keys["training_data"] = {
        "symbols": {"mode": "single", "symbol": "A"},
        "timeframes": {"mode": "single", "timeframe": "1d"},
    }
    return load_strategy(keys, {**KINDS[kind], **overrides})


def _assert_same(first, second):
    assert first.artifact.weights == second.artifact.weights
    assert first.artifact.features == second.artifact.features
    assert first.history == second.history
    assert first.measured == second.measured


@each_kind
def test_two_trainings_with_one_seed_are_the_same_to_the_bit(kind):
    strategy = _strategy(kind)
    first, second = train(strategy, _data()), train(strategy, _data())
    _assert_same(first, second)
    other = train(strategy, _data(), seed=8)
    assert other.artifact.weights != first.artifact.weights
    assert other.history != first.history


@each_kind
def test_a_training_does_not_depend_on_what_the_process_did_before(kind):
    one, other = _strategy(kind), _strategy("lstm" if kind == "dropout" else "dropout", **{"training.seed": 99})
    in_order = train(one, _data()), train(other, _data())
    torch.manual_seed(5)
    np.random.default_rng(5).random()
    torch.rand(3)
    reversed_order = train(other, _data()), train(one, _data())
    _assert_same(in_order[0], reversed_order[1])
    _assert_same(in_order[1], reversed_order[0])


def test_a_training_leaves_the_processs_random_numbers_as_they_were():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    train(_strategy("dropout"), _data())
    assert torch.equal(torch.rand(2), expected)


def test_the_requests_seed_is_the_files():
    _assert_same(train(_strategy(**{"training.seed": 21}), _data()), train(_strategy(), _data(), seed=21))


# --- the saved weights are those of the best epoch

OVERTRAINED = {"training.epochs": 12, "training.learning_rate": 0.05, "training.optimizer": "rmsprop"}


def _outputs_of(artifact, X):
    network = network_from(artifact.features["architecture"])
    network.load_state_dict(torch.load(io.BytesIO(bytes(artifact.weights)), weights_only=True))
    network.eval()
    with torch.no_grad():
        return network(torch.from_numpy(X))


def _loss_by_hand(strategy, outputs_NC, part, y_train):
    """Return the loss that the strategy names, from torch's own functions, without the code under test."""
    training, y = strategy.training, torch.from_numpy(part.targets)
    if strategy.decisions.output_format == "regression":
        forecast = outputs_NC.squeeze(1)
        if training.loss == "mse":
            return functional.mse_loss(forecast, y)
        return functional.huber_loss(forecast, y, delta=training.huber_delta)
    counts = torch.bincount(torch.from_numpy(y_train), minlength=3).double()
    weights = (len(y_train) / (3 * counts))[y] if training.class_weights == "balanced" else torch.ones(len(y))
    probability = outputs_NC.double().softmax(1)[torch.arange(len(y)), y]
    gamma = training.focal_gamma if training.loss == "focal" else 0.0
    return (weights * (1 - probability) ** gamma * -probability.log()).sum() / weights.sum()


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy"])
@pytest.mark.parametrize(
    ("kind", "overrides"),
    [
        ("mlp", {}),
        ("lstm", {}),
        ("dropout", WEIGHTED),
        ("weights", {}),
        ("regression", {}),
        ("regression", {"training.loss": "mse", "training.sample_weights": "uniqueness"}),
        ("fitted", {"training.lr_scheduler": {"type": "cosine"}}),
        ("several symbols", {"training.class_weights": "balanced"}),
    ],
)
def test_the_saved_models_validation_loss_is_the_historys_at_the_best_epoch(kind, overrides, monitor):
    stopping = BY_ACCURACY if monitor == "val_accuracy" else {}
    strategy = _strategy(kind, **{**OVERTRAINED, **overrides, **stopping})
    trained = train(strategy, _data())
    dataset, history = prepare(strategy, _data()).dataset, trained.history
    best = history["best_epoch"]
    watched = history["val_loss"] if monitor == "val_loss" else [-value for value in history["val_accuracy"]]
    # the strictly best: of equal ones the first
    assert best == 1 + int(np.argmin(watched))
    outputs = _outputs_of(trained.artifact, dataset.validation.X)
    loss = float(_loss_by_hand(strategy, outputs, dataset.validation, dataset.train.y))
    assert loss == pytest.approx(history["val_loss"][best - 1], rel=1e-5)
    assert history["best_val_loss"] == history["val_loss"][best - 1]
    # it could be told from the last epoch's
    assert best == history["epochs_completed"] or loss != pytest.approx(history["val_loss"][-1], rel=1e-5)
    targets = torch.from_numpy(dataset.validation.targets)
    is_return = strategy.decisions.output_format == "regression"
    said = outputs.squeeze(1).sign() == targets.sign() if is_return else outputs.argmax(1) == targets
    assert float(said.double().mean()) == pytest.approx(history["val_accuracy"][best - 1])


def test_the_best_epoch_of_an_overtrained_model_is_not_its_last():
    history = train(_strategy(**OVERTRAINED), _data()).history
    assert history["best_epoch"] < history["epochs_completed"]
    assert min(history["val_loss"]) < history["val_loss"][-1]
