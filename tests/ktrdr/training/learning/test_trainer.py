from __future__ import annotations

import logging
import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from ktrdr.errors import TrainingError
from ktrdr.training.learning.forward import forward_rows
from tests.ktrdr.training.small_training import config_of, network_of, rows_for, rows_of, same_weights, train


def test_another_seed_gives_another_order_of_rows_and_dropout():
    first, _ = train(config_of(seed=1), network=network_of(7))
    second, _ = train(config_of(seed=2), network=network_of(7))
    assert not same_weights(first, second)


def test_torchs_own_generator_and_threads_are_left_as_they_were():
    torch.manual_seed(3)
    expected, n_threads = torch.rand(4), torch.get_num_threads()
    torch.manual_seed(3)
    train(config_of())
    assert torch.equal(torch.rand(4), expected)
    assert torch.get_num_threads() == n_threads


def test_of_equal_epochs_the_first_is_the_best():
    frozen = config_of(epochs=3, optimizer="sgd", learning_rate=1e-30)
    assert train(frozen, network=network_of(dropout=0.0))[1].best_epoch == 1


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy"])
def test_the_best_epoch_is_the_first_with_the_best_monitored_value(monitor):
    # the rate is so high that the loss rises again after some epochs
    stopping = {"patience": 50, "monitor": monitor}
    _, history = train(config_of(epochs=25, learning_rate=0.05, early_stopping=stopping), rows_of(noise=2.0))
    assert history.best_epoch < history.epochs_completed
    best = min(history.val_loss) if monitor == "val_loss" else max(history.val_accuracy)
    assert history.best_epoch == getattr(history, monitor).index(best) + 1
    assert history.best_val_loss == history.val_loss[history.best_epoch - 1]


def test_without_early_stopping_the_validation_loss_is_monitored():
    rows = rows_of(noise=2.0)
    history = train(config_of(epochs=25, learning_rate=0.05), rows)[1]
    assert history.best_val_loss == min(history.val_loss) == history.val_loss[history.best_epoch - 1]
    assert history.best_epoch != history.val_accuracy.index(max(history.val_accuracy)) + 1


def test_improvements_up_to_min_delta_are_kept_as_the_best_epoch():
    # every epoch improves a little, and none by enough for patience
    stopping = {"patience": 5, "min_delta": 1e9}
    frozen = config_of(epochs=20, optimizer="sgd", learning_rate=1e-4, early_stopping=stopping)
    history = train(frozen, rows_of(noise=0.0), network_of(dropout=0.0))[1]
    assert history.val_loss == sorted(set(history.val_loss), reverse=True)
    assert history.best_epoch == history.epochs_completed == 6


def test_a_plateau_stops_after_patience_epochs_with_min_delta_zero():
    stopping = {"patience": 3, "min_delta": 0.0}
    plateau = config_of(epochs=20, optimizer="sgd", learning_rate=1e-30, early_stopping=stopping)
    history = train(plateau, network=network_of(dropout=0.0))[1]
    assert (history.epochs_completed, history.early_stopped) == (4, True)
    assert history.final_val_loss == history.val_loss[-1]


def test_improvements_up_to_min_delta_do_not_count_for_patience():
    history = train(config_of(epochs=20, early_stopping={"patience": 2, "min_delta": 1e9}))[1]
    # the first epoch improves on nothing at all
    assert (history.epochs_completed, history.early_stopped) == (3, True)
    assert history.best_epoch == history.val_loss.index(min(history.val_loss)) + 1


def test_running_to_the_last_epoch_is_not_stopping_early():
    stopping = {"patience": 3, "min_delta": 0.0}
    plateau = config_of(epochs=4, optimizer="sgd", learning_rate=1e-30, early_stopping=stopping)
    assert not train(plateau, network=network_of(dropout=0.0))[1].early_stopped


def test_a_planted_signal_is_learned():
    config = config_of(epochs=30, learning_rate=0.02)
    history = train(config, rows_of(1500, noise=0.0), network_of(dropout=0.0))[1]
    assert max(history.val_accuracy) > 0.97


def _plain_epoch(network, optimizer, weights=None, clip=None):
    """Train one epoch as a textbook does; return the sum of the rows' losses and the number of rows that were right."""
    X, y, *_ = (torch.from_numpy(array) for array in rows_of())
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(7))
    loss_sum = n_right = 0.0
    for at in range(0, len(y), 32):
        chosen = order[at : at + 32]
        logits = network(X[chosen])
        loss = functional.cross_entropy(logits, y[chosen], weight=weights)
        optimizer.zero_grad()
        loss.backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
        optimizer.step()
        loss_sum += loss.item() * len(chosen)
        n_right += float((logits.argmax(1) == y[chosen]).sum())
    return loss_sum, n_right


def _close_weights(first, second) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return all(torch.allclose(a[name], b[name], atol=1e-6) for name in a)


@pytest.mark.parametrize(
    ("optimizer", "reference", "keys"),
    [
        ("adam", torch.optim.Adam, {"weight_decay": 0.3}),
        ("adamw", torch.optim.AdamW, {"weight_decay": 0.3}),
        ("adamw", torch.optim.AdamW, {"weight_decay": 0.0}),
        ("sgd", torch.optim.SGD, {"weight_decay": 0.3, "momentum": 0.5}),
        ("sgd", torch.optim.SGD, {"weight_decay": 0.0, "momentum": 0.0}),
        ("rmsprop", torch.optim.RMSprop, {"weight_decay": 0.3}),
    ],
)
def test_an_epoch_of_each_optimizer_is_torchs_own(optimizer, reference, keys):
    trained, _ = train(
        config_of(epochs=1, optimizer=optimizer, learning_rate=0.01, **keys), network=network_of(dropout=0)
    )
    network = network_of(dropout=0.0)
    _plain_epoch(network, reference(network.parameters(), lr=0.01, **keys))
    assert _close_weights(trained, network)


def test_the_first_epoch_equals_a_plain_loop():
    """Adam over the same order of rows; row-weighted means, so the last, smaller batch counts by its rows."""
    _, y, X_val, y_val = rows_of()
    config = config_of(epochs=1, class_weights="balanced", gradient_clip=0.5, weight_decay=0.01)
    trained, history = train(config, network=network_of(dropout=0.0))
    network = network_of(dropout=0.0)
    weights = torch.tensor([len(y) / (3 * (y == code).sum()) for code in range(3)], dtype=torch.float32)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001, weight_decay=0.01)
    loss_sum, n_right = _plain_epoch(network, optimizer, weights, clip=0.5)
    assert _close_weights(trained, network)
    assert history.train_loss[0] == pytest.approx(loss_sum / len(y), abs=1e-5)
    assert history.train_accuracy[0] == n_right / len(y)
    with torch.no_grad():
        expected = functional.cross_entropy(network(torch.from_numpy(X_val)), torch.from_numpy(y_val), weight=weights)
    assert history.val_loss[0] == pytest.approx(expected.item(), abs=1e-5)


def test_validation_rows_that_all_weigh_nothing_are_an_error_that_says_why():
    X, y, X_val, _ = rows_of()
    only_two = np.where(y == 2, 0, y)
    with pytest.raises(TrainingError, match="every validation row the weight 0"):
        train(config_of(class_weights="balanced"), (X, only_two, X_val, np.full(len(X_val), 2)))


def test_the_network_comes_back_ready_to_predict():
    network, _ = train(config_of(epochs=1), network=network_of(dropout=0.5))
    X = torch.from_numpy(rows_of()[2])
    assert not network.training
    assert torch.equal(network(X), forward_rows(network, X))


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_features_that_are_not_finite_are_said_to_be_the_cause(value):
    X, y, X_val, y_val = rows_of()
    wrong = X.copy()
    wrong[[0, 5], 0] = value
    with pytest.raises(TrainingError, match=r"epoch 1, batch \d+ of 7, is nan: \d of its \d+ rows have a feature"):
        train(config_of(), (wrong, y, X_val, y_val))
    wrong = X_val.copy()
    wrong[[0, 5], 0] = value
    with pytest.raises(TrainingError, match=r"validation loss in epoch 1 is nan: 2 of its 100 rows have a feature"):
        train(config_of(), (X, y, wrong, y_val))


def test_returns_that_are_not_finite_are_said_to_be_the_cause():
    config = config_of(loss="mse", batch_size=1000)
    X, y, X_val, y_val = rows_for("mlp", config)
    y[3] = np.nan
    with pytest.raises(TrainingError, match=r"batch 1 of 1, is nan: 1 of its 200 rows have a label"):
        train(config, (X, y, X_val, y_val))


@pytest.mark.parametrize("weight", [0.0, np.nan])
def test_a_batch_whose_weights_have_no_sum_is_said_to_be_the_cause(weight):
    weights = np.full(200, weight, dtype=np.float32)
    with pytest.raises(TrainingError, match=r"batch 1 of 7, is nan: the weights of its 32 rows") as caught:
        train(config_of(), weights=weights)
    assert "sample_weights" in str(caught.value.suggestion)


def test_a_training_that_diverges_is_an_error_that_names_epoch_and_batch():
    config = config_of(optimizer="sgd", learning_rate=1e30, loss="mse")
    with pytest.raises(TrainingError, match=r"epoch 1, batch \d of 7, is (nan|inf): training has diverged") as caught:
        train(config)
    assert "learning_rate" in str(caught.value.suggestion)


@pytest.mark.parametrize("loss", ["cross_entropy", "focal", "huber", "mse"])
def test_a_training_row_that_weighs_nothing_has_no_influence(loss):
    config = config_of(loss=loss, gradient_clip=0.5)
    X, y, X_val, y_val = rows_for("mlp", config)
    weights = np.random.default_rng(1).random(len(y)).astype(np.float32)
    weights[::4] = 0.0
    other_X, other_y = X.copy(), y.copy()
    other_X[::4] = np.random.default_rng(2).random((50, 5))
    other_y[::4] = y[::4][::-1]
    network, history = train(config, (X, y, X_val, y_val), weights=weights)
    twin, again = train(config, (other_X, other_y, X_val, y_val), weights=weights)
    assert same_weights(network, twin)
    assert history.val_loss == again.val_loss
    assert history.train_loss == again.train_loss
    changed = train(config, (other_X, other_y, X_val, y_val))[0]
    assert not same_weights(network, changed)


@pytest.mark.parametrize("loss", ["cross_entropy", "focal", "huber", "mse"])
def test_doubling_a_weight_is_having_the_row_twice(loss):
    config = config_of(loss=loss, batch_size=1000, epochs=3, optimizer="sgd", learning_rate=0.1)
    X, y, X_val, y_val = rows_for("mlp", config)
    weights = np.ones(len(y), dtype=np.float32)
    weights[:20] = 2.0
    doubled = (np.concatenate([X, X[:20]]), np.concatenate([y, y[:20]]), X_val, y_val)
    n_outputs = 1 if config.labels.is_regression else 3
    network, history = train(
        config, (X, y, X_val, y_val), network_of(dropout=0.0, n_outputs=n_outputs), weights=weights
    )
    twin, again = train(config, doubled, network_of(dropout=0.0, n_outputs=n_outputs))
    assert _close_weights(network, twin)
    assert history.train_loss == pytest.approx(again.train_loss, rel=1e-4)


def test_weights_that_are_all_one_train_as_none_do():
    weighted, history = train(config_of(class_weights="balanced"), weights=np.ones(200, dtype=np.float32))
    plain, again = train(config_of(class_weights="balanced"))
    assert _close_weights(weighted, plain)
    assert history.val_loss == pytest.approx(again.val_loss, abs=1e-5)


def test_every_tenth_epoch_is_logged(caplog):
    with caplog.at_level(logging.INFO, logger="ktrdr.training"):
        train(config_of(epochs=21))
    assert [message.partition(":")[0] for message in caplog.messages] == ["Epoch 10/21", "Epoch 20/21"]


def test_the_training_time_is_measured_with_the_given_clock():
    times = iter(range(1000))
    history = train(config_of(epochs=1), clock=lambda: float(next(times)))[1]
    assert history.training_time_s >= 1
    assert math.isfinite(history.training_time_s)
