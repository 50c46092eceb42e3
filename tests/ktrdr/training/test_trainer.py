from __future__ import annotations

import logging
import math

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from ktrdr.async_infrastructure import ThreadCancellationToken
from ktrdr.errors import CancellationError, TrainingError
from ktrdr.labels import build as build_labels
from ktrdr.model.config import MLP
from ktrdr.model.network import build_network
from ktrdr.strategy.schema import Training
from ktrdr.training import ModelTrainer
from ktrdr.training.device import seeded
from ktrdr.training.forward import class_weights_of, forward_rows, held_out_loss, logits_of

CPU = torch.device("cpu")


def _config(**keys) -> Training:
    return Training(labels=build_labels({"source": "zigzag"}), **{"epochs": 4, "batch_size": 32, "seed": 7, **keys})


def _network(seed: int = 7, dropout: float = 0.2):
    with seeded(CPU, seed):
        return build_network(MLP(type="mlp", architecture={"hidden_layers": (16, 8), "dropout": dropout}), 5, 3)


def _rows(n_rows: int = 300, noise: float = 1.0, seed: int = 0):
    """Rows whose class is the largest of three columns, blurred by noise."""
    random = np.random.default_rng(seed)
    X = random.random((n_rows, 5), dtype=np.float32)
    y = (X[:, :3] + noise * random.random((n_rows, 3))).argmax(axis=1).astype(np.int64)
    cut = n_rows * 2 // 3
    return X[:cut], y[:cut], X[cut:], y[cut:]


def _train(config: Training, rows=None, network=None, **keys):
    network = network if network is not None else _network(config.seed)
    history = ModelTrainer(config, **keys).train(*(rows or _rows()), network=network, n_classes=3)
    return network, history


def _same_weights(first, second) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


def _values(history):
    return history.model_dump(exclude={"training_time_s"})


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_the_same_seed_gives_the_same_bits(optimizer):
    first, history = _train(_config(optimizer=optimizer))
    second, again = _train(_config(optimizer=optimizer))
    assert _same_weights(first, second)
    assert _values(history) == _values(again)


def test_another_seed_gives_another_order_of_rows_and_dropout():
    first, _ = _train(_config(seed=1), network=_network(7))
    second, _ = _train(_config(seed=2), network=_network(7))
    assert not _same_weights(first, second)


def test_a_then_b_equals_b_then_a():
    a_first, b_second = _train(_config(seed=1)), _train(_config(seed=2))
    torch.manual_seed(12345)
    torch.rand(10)
    b_first, a_second = _train(_config(seed=2)), _train(_config(seed=1))
    assert _same_weights(a_first[0], a_second[0])
    assert _same_weights(b_first[0], b_second[0])
    assert _values(a_first[1]) == _values(a_second[1])


def test_torchs_own_generator_and_threads_are_left_as_they_were():
    torch.manual_seed(3)
    expected, n_threads = torch.rand(4), torch.get_num_threads()
    torch.manual_seed(3)
    _train(_config())
    assert torch.equal(torch.rand(4), expected)
    assert torch.get_num_threads() == n_threads


def test_the_returned_weights_are_those_of_the_best_epoch():
    # the rate is so high that the loss rises again after some epochs
    rows = _rows(noise=2.0)
    network, history = _train(_config(epochs=25, learning_rate=0.05), rows)
    assert history.best_epoch < history.epochs_completed
    assert history.best_val_loss == min(history.val_loss) == history.val_loss[history.best_epoch - 1]
    logits = torch.from_numpy(logits_of(network, rows[2], CPU))
    assert held_out_loss(logits, torch.from_numpy(rows[3]), None, "validation") == history.best_val_loss


def test_of_equal_epochs_the_first_is_the_best():
    frozen = _config(epochs=3, optimizer="sgd", learning_rate=1e-30)
    assert _train(frozen, network=_network(dropout=0.0))[1].best_epoch == 1


def test_the_best_epoch_follows_the_monitored_value():
    stopping = {"patience": 50, "monitor": "val_accuracy"}
    rows = _rows(noise=2.0)
    network, history = _train(_config(epochs=25, learning_rate=0.05, early_stopping=stopping), rows)
    assert history.val_accuracy[history.best_epoch - 1] == max(history.val_accuracy)
    assert history.best_epoch == history.val_accuracy.index(max(history.val_accuracy)) + 1
    assert history.best_val_loss == history.val_loss[history.best_epoch - 1]
    accuracy = float((logits_of(network, rows[2], CPU).argmax(axis=1) == rows[3]).mean())
    assert accuracy == max(history.val_accuracy)


def test_a_plateau_stops_after_patience_epochs_with_min_delta_zero():
    stopping = {"patience": 3, "min_delta": 0.0}
    plateau = _config(epochs=20, optimizer="sgd", learning_rate=1e-30, early_stopping=stopping)
    history = _train(plateau, network=_network(dropout=0.0))[1]
    assert (history.epochs_completed, history.early_stopped) == (4, True)
    assert history.final_val_loss == history.val_loss[-1]


def test_improvements_up_to_min_delta_do_not_count_for_patience():
    history = _train(_config(epochs=20, early_stopping={"patience": 2, "min_delta": 1e9}))[1]
    # the first epoch improves on nothing at all
    assert (history.epochs_completed, history.early_stopped) == (3, True)
    assert history.best_epoch == history.val_loss.index(min(history.val_loss)) + 1


def test_running_to_the_last_epoch_is_not_stopping_early():
    stopping = {"patience": 3, "min_delta": 0.0}
    plateau = _config(epochs=4, optimizer="sgd", learning_rate=1e-30, early_stopping=stopping)
    assert not _train(plateau, network=_network(dropout=0.0))[1].early_stopped


def test_a_planted_signal_is_learned():
    config = _config(epochs=60, learning_rate=0.01)
    history = _train(config, _rows(3000, noise=0.0), _network(dropout=0.0))[1]
    assert max(history.val_accuracy) > 0.99


def test_the_first_epoch_equals_a_plain_loop():
    """Adam over the same order of rows; row-weighted means, so the last, smaller batch counts by its rows."""
    X, y, X_val, y_val = _rows()
    config = _config(epochs=1, class_weights="balanced", gradient_clip=0.5, weight_decay=0.01)
    trained, history = _train(config, network=_network(dropout=0.0))
    network = _network(dropout=0.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001, weight_decay=0.01)
    weights = torch.tensor([len(y) / (3 * (y == code).sum()) for code in range(3)], dtype=torch.float32)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(7))
    loss_sum = n_right = 0.0
    for at in range(0, len(y), 32):
        chosen = order[at : at + 32]
        logits, target = network(torch.from_numpy(X)[chosen]), torch.from_numpy(y)[chosen]
        loss = functional.cross_entropy(logits, target, weight=weights)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        optimizer.step()
        loss_sum += loss.item() * len(chosen)
        n_right += float((logits.argmax(1) == target).sum())
    for name, value in network.state_dict().items():
        assert torch.allclose(trained.state_dict()[name], value, atol=1e-6)
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
    X, y, X_val, _ = _rows()
    only_two = np.where(y == 2, 0, y)
    with pytest.raises(TrainingError, match="every validation row the weight 0"):
        _train(_config(class_weights="balanced"), (X, only_two, X_val, np.full(len(X_val), 2)))


def test_cancelling_in_the_middle_of_an_epoch_stops_before_the_next_batch():
    token, seen = ThreadCancellationToken(), []

    def cancel_in_epoch_two(epoch, total_epochs, metrics):
        seen.append((epoch, metrics["progress_type"], metrics.get("batch")))
        if epoch == 2:
            token.cancel("Enough")

    with pytest.raises(CancellationError, match="Enough"):
        _train(_config(batch_size=2), progress_callback=cancel_in_epoch_two, cancellation_token=token)
    assert seen[-1][:2] == (2, "batch")


def test_a_token_cancelled_beforehand_stops_before_the_first_batch():
    token = ThreadCancellationToken()
    token.cancel()
    network, untouched = _network(), _network()
    with pytest.raises(CancellationError):
        _train(_config(), network=network, cancellation_token=token)
    assert _same_weights(network, untouched)


def test_a_callback_that_raises_is_logged_once_and_training_goes_on(caplog):
    calls = []

    def broken(epoch, total_epochs, metrics):
        calls.append(epoch)
        raise ValueError("broken display")

    with caplog.at_level(logging.ERROR, logger="ktrdr.training"):
        network, history = _train(_config(), progress_callback=broken)
    assert history.epochs_completed == 4
    assert calls[-1] == 4
    assert len(caplog.records) == 1
    assert "broken display" in caplog.text
    assert _same_weights(network, _train(_config())[0])


def test_a_callback_that_cancels_is_heard():
    def cancel(epoch, total_epochs, metrics):
        raise CancellationError("From the callback")

    with pytest.raises(CancellationError, match="From the callback"):
        _train(_config(), progress_callback=cancel)


def test_epochs_are_always_reported_and_batches_now_and_then():
    calls = []
    _, history = _train(_config(batch_size=2), progress_callback=lambda *call: calls.append(call))
    epochs = [call for call in calls if call[2]["progress_type"] == "epoch"]
    batches = [call for call in calls if call[2]["progress_type"] == "batch"]
    assert [call[0] for call in epochs] == [1, 2, 3, 4]
    assert {call[1] for call in calls} == {4}
    assert 0 < len(batches) < 4 * 100
    common = {"progress_type", "epoch", "total_epochs", "train_loss", "train_accuracy", "val_loss", "val_accuracy"}
    common |= {"learning_rate"}
    assert set(epochs[0][2]) == common
    assert set(batches[0][2]) == common | {"batch", "total_batches_per_epoch", "batch_loss", "batch_accuracy"}
    assert batches[0][2]["total_batches_per_epoch"] == 100
    assert batches[0][2]["val_loss"] is None
    assert epochs[2][2]["val_loss"] == history.val_loss[2]
    assert [batch[2]["val_loss"] for batch in batches if batch[0] == 3] == [history.val_loss[1]] * sum(
        batch[0] == 3 for batch in batches
    )


def test_reporting_does_not_change_the_weights():
    silent = _train(_config(batch_size=4))[0]
    assert _same_weights(silent, _train(_config(batch_size=4), progress_callback=lambda *call: None)[0])


def test_a_loss_that_is_not_finite_is_an_error_that_names_epoch_and_batch():
    X, *others = _rows()
    X = X.copy()
    X[0, 0] = np.inf
    with pytest.raises(TrainingError, match=r"epoch 1, batch \d+ of 7, is nan") as caught:
        _train(_config(), (X, *others))
    assert "learning_rate" in str(caught.value.suggestion)


def test_every_tenth_epoch_is_logged(caplog):
    with caplog.at_level(logging.INFO, logger="ktrdr.training"):
        _train(_config(epochs=21))
    assert [message.partition(":")[0] for message in caplog.messages] == ["Epoch 10/21", "Epoch 20/21"]


def test_rows_are_evaluated_without_dropout_and_the_mode_is_kept():
    network = _network(dropout=0.5)
    X = torch.from_numpy(_rows()[0])
    network.train()
    assert torch.equal(forward_rows(network, X), forward_rows(network, X))
    assert network.training


def test_the_training_time_is_measured_with_the_given_clock():
    times = iter(range(1000))
    history = _train(_config(epochs=1), clock=lambda: float(next(times)))[1]
    assert history.training_time_s >= 1
    assert math.isfinite(history.training_time_s)
