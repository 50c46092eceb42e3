"""A small network, rows for it, and its training."""

from __future__ import annotations

import numpy as np
import torch

from ktrdr.labels import build as build_labels
from ktrdr.model.config import MLP
from ktrdr.model.network import build_network
from ktrdr.strategy.schema import Training
from ktrdr.training import ModelTrainer
from ktrdr.training.device import seeded

CPU = torch.device("cpu")


def config_of(**keys) -> Training:
    return Training(labels=build_labels({"source": "zigzag"}), **{"epochs": 4, "batch_size": 32, "seed": 7, **keys})


def network_of(seed: int = 7, dropout: float = 0.2):
    with seeded(CPU, seed):
        return build_network(MLP(type="mlp", architecture={"hidden_layers": (16, 8), "dropout": dropout}), 5, 3)


def rows_of(n_rows: int = 300, noise: float = 1.0, seed: int = 0):
    """Rows whose class is the largest of three columns, blurred by noise."""
    random = np.random.default_rng(seed)
    X = random.random((n_rows, 5), dtype=np.float32)
    y = (X[:, :3] + noise * random.random((n_rows, 3))).argmax(axis=1).astype(np.int64)
    cut = n_rows * 2 // 3
    return X[:cut], y[:cut], X[cut:], y[cut:]


def train(config: Training, rows=None, network=None, **keys):
    network = network if network is not None else network_of(config.seed)
    history = ModelTrainer(config, **keys).train(*(rows or rows_of()), network=network, n_classes=3)
    return network, history


def same_weights(first, second) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


def values_of(history):
    return history.model_dump(exclude={"training_time_s"})
