from __future__ import annotations

import logging
import math

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from ktrdr.errors import TrainingError
from ktrdr.training.forward import class_weights_of, forward_rows, held_out_loss, logits_of
from tests.ktrdr.training.small_training import CPU, config_of, network_of, rows_of, same_weights, train, values_of


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_the_same_seed_gives_the_same_bits(optimizer):
    first, history = train(config_of(optimizer=optimizer))
    second, again = train(config_of(optimizer=optimizer))
    assert same_weights(first, second)
    assert values_of(history) == values_of(again)


def test_another_seed_gives_another_order_of_rows_and_dropout():
    first, _ = train(config_of(seed=1), network=network_of(7))
    second, _ = train(config_of(seed=2), network=network_of(7))
    assert not same_weights(first, second)


def test_a_then_b_equals_b_then_a():
    a_first, b_second = train(config_of(seed=1)), train(config_of(seed=2))
    torch.manual_seed(12345)
    torch.rand(10)
    b_first, a_second = train(config_of(seed=2)), train(config_of(seed=1))
    assert same_weights(a_first[0], a_second[0])
    assert same_weights(b_first[0], b_second[0])
    assert values_of(a_first[1]) == values_of(a_second[1])


def test_torchs_own_generator_and_threads_are_left_as_they_were():
    torch.manual_seed(3)
    expected, n_threads = torch.rand(4), torch.get_num_threads()
    torch.manual_seed(3)
    train(config_of())
    assert torch.equal(torch.rand(4), expected)
    assert torch.get_num_threads() == n_threads


def test_the_returned_weights_are_those_of_the_best_epoch():
    # the rate is so high that the loss rises again after some epochs
    rows = rows_of(noise=2.0)
    network, history = train(config_of(epochs=25, learning_rate=0.05), rows)
    assert history.best_epoch < history.epochs_completed
    assert history.best_val_loss == min(history.val_loss) == history.val_loss[history.best_epoch - 1]
    logits = torch.from_numpy(logits_of(network, rows[2], CPU))
    assert held_out_loss(logits, torch.from_numpy(rows[3]), None, "validation") == history.best_val_loss


def test_of_equal_epochs_the_first_is_the_best():
    frozen = config_of(epochs=3, optimizer="sgd", learning_rate=1e-30)
    assert train(frozen, network=network_of(dropout=0.0))[1].best_epoch == 1


def test_the_best_epoch_follows_the_monitored_value():
    stopping = {"patience": 50, "monitor": "val_accuracy"}
    rows = rows_of(noise=2.0)
    network, history = train(config_of(epochs=25, learning_rate=0.05, early_stopping=stopping), rows)
    assert history.val_accuracy[history.best_epoch - 1] == max(history.val_accuracy)
    assert history.best_epoch == history.val_accuracy.index(max(history.val_accuracy)) + 1
    assert history.best_val_loss == history.val_loss[history.best_epoch - 1]
    accuracy = float((logits_of(network, rows[2], CPU).argmax(axis=1) == rows[3]).mean())
    assert accuracy == max(history.val_accuracy)


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
    config = config_of(epochs=60, learning_rate=0.01)
    history = train(config, rows_of(3000, noise=0.0), network_of(dropout=0.0))[1]
    assert max(history.val_accuracy) > 0.99


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


def test_balanced_weights_are_scikit_learns_and_absent_classes_weigh_nothing():
    y = np.array([0, 0, 0, 2])
    expected = compute_class_weight("balanced", classes=np.array([0, 2]), y=y)
    weights = class_weights_of(y, 3, "balanced")
    assert weights is not None
    assert weights.tolist() == pytest.approx([expected[0], 0.0, expected[1]])
    assert class_weights_of(y, 3, "none") is None


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


def test_a_loss_that_is_not_finite_is_an_error_that_names_epoch_and_batch():
    X, *others = rows_of()
    X = X.copy()
    X[0, 0] = np.inf
    with pytest.raises(TrainingError, match=r"epoch 1, batch \d+ of 7, is nan") as caught:
        train(config_of(), (X, *others))
    assert "learning_rate" in str(caught.value.suggestion)


def test_every_tenth_epoch_is_logged(caplog):
    with caplog.at_level(logging.INFO, logger="ktrdr.training"):
        train(config_of(epochs=21))
    assert [message.partition(":")[0] for message in caplog.messages] == ["Epoch 10/21", "Epoch 20/21"]


def test_rows_are_evaluated_without_dropout_and_the_mode_is_kept():
    network = network_of(dropout=0.5)
    X = torch.from_numpy(rows_of()[0])
    network.train()
    assert torch.equal(forward_rows(network, X), forward_rows(network, X))
    assert network.training


def test_the_training_time_is_measured_with_the_given_clock():
    times = iter(range(1000))
    history = train(config_of(epochs=1), clock=lambda: float(next(times)))[1]
    assert history.training_time_s >= 1
    assert math.isfinite(history.training_time_s)
