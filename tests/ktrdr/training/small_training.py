"""Small networks of every kind, rows for them, and their training."""

from __future__ import annotations

import numpy as np
import torch

from ktrdr.labels import build as build_labels
from ktrdr.model import GRU, LSTM, MLP
from ktrdr.model.network import build_network
from ktrdr.strategy.training import Training
from ktrdr.training import ModelTrainer
from ktrdr.training.device import seeded

CPU = torch.device("cpu")
N_STEPS = 3
KINDS = ("mlp", "lstm", "gru")
OF_RETURNS = ("huber", "mse")


def config_of(**keys) -> Training:
    is_regression = keys.get("loss") in OF_RETURNS
    labels = build_labels({"source": "forward_return" if is_regression else "zigzag"})
    return Training(labels=labels, **{"epochs": 4, "batch_size": 32, "seed": 7, **keys})


def network_of(seed: int = 7, dropout: float = 0.2, kind: str = "mlp", n_outputs: int = 3):
    model = {
        "mlp": lambda: MLP(type="mlp", architecture={"hidden_layers": (16, 8), "dropout": dropout}),
        "lstm": lambda: LSTM(type="lstm", architecture=_recurrent(dropout)),
        "gru": lambda: GRU(type="gru", architecture=_recurrent(dropout)),
    }[kind]()
    with seeded(CPU, seed):
        return build_network(model, 5, n_outputs)


def _recurrent(dropout: float):
    return {"sequence_length": N_STEPS, "hidden_size": 6, "num_layers": 2, "dropout": dropout}


def rows_of(n_rows: int = 300, noise: float = 1.0, seed: int = 0):
    """Rows whose class is the largest of three columns, blurred by noise."""
    random = np.random.default_rng(seed)
    X = random.random((n_rows, 5), dtype=np.float32)
    y = (X[:, :3] + noise * random.random((n_rows, 3))).argmax(axis=1).astype(np.int64)
    cut = n_rows * 2 // 3
    return X[:cut], y[:cut], X[cut:], y[cut:]


def rows_for(kind: str, config: Training, n_rows: int = 300):
    """Rows, or windows that end with them, with the classes or the returns that the configuration's labels are."""
    X, y, X_val, y_val = rows_of(n_rows, noise=2.0)
    if config.labels.is_regression:
        y, y_val = ((0.02 * (part[:, 0] - part[:, 1])).astype(np.float32) for part in (X, X_val))
    if kind != "mlp":
        X, X_val = (
            np.stack([np.roll(part, N_STEPS - 1 - step, axis=0) for step in range(N_STEPS)], axis=1)
            for part in (X, X_val)
        )
    return X, y, X_val, y_val


def n_outputs_of(config: Training) -> int:
    return 1 if config.labels.is_regression else 3


def train(config: Training, rows=None, network=None, weights=None, **keys):
    network = network if network is not None else network_of(config.seed, n_outputs=n_outputs_of(config))
    trainer = ModelTrainer(config, **keys)
    rows = rows or rows_for("mlp", config) if config.labels.is_regression else rows or rows_of()
    history = trainer.train(*rows, network=network, n_outputs=n_outputs_of(config), weights_train=weights)
    return network, history


def train_kind(kind: str, config: Training, dropout: float = 0.2, weights=None, n_rows: int = 300):
    network = network_of(config.seed, dropout, kind, n_outputs_of(config))
    return train(config, rows_for(kind, config, n_rows), network, weights)


def same_weights(first, second) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


def values_of(history):
    return history.model_dump(exclude={"training_time_s"})
