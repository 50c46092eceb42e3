from __future__ import annotations

import logging

import pytest
import torch

from ktrdr.async_infrastructure import ThreadCancellationToken
from ktrdr.errors import CancellationError
from tests.ktrdr.training.small_training import config_of, network_of, same_weights, train, values_of


def test_cancelling_in_the_middle_of_an_epoch_stops_before_the_next_batch():
    token, seen = ThreadCancellationToken(), []

    def cancel_in_epoch_two(epoch, total_epochs, metrics):
        seen.append((epoch, metrics["progress_type"], metrics.get("batch")))
        if epoch == 2:
            token.cancel("Enough")

    with pytest.raises(CancellationError, match="Enough"):
        train(config_of(batch_size=2), progress_callback=cancel_in_epoch_two, cancellation_token=token)
    assert seen[-1][:2] == (2, "batch")


def test_a_token_cancelled_beforehand_stops_before_the_first_batch():
    token = ThreadCancellationToken()
    token.cancel()
    network, untouched = network_of(), network_of()
    with pytest.raises(CancellationError):
        train(config_of(), network=network, cancellation_token=token)
    assert same_weights(network, untouched)


def test_a_callback_that_raises_is_logged_once_and_training_goes_on(caplog):
    calls = []

    def broken(epoch, total_epochs, metrics):
        calls.append(epoch)
        raise ValueError("broken display")

    with caplog.at_level(logging.ERROR, logger="ktrdr.training"):
        network, history = train(config_of(), progress_callback=broken)
    assert history.epochs_completed == 4
    assert calls[-1] == 4
    assert len(caplog.records) == 1
    assert "broken display" in caplog.text
    assert same_weights(network, train(config_of())[0])


def test_a_callback_that_cancels_is_heard():
    def cancel(epoch, total_epochs, metrics):
        raise CancellationError("From the callback")

    with pytest.raises(CancellationError, match="From the callback"):
        train(config_of(), progress_callback=cancel)


def test_epochs_are_always_reported_and_batches_now_and_then():
    calls = []
    _, history = train(config_of(batch_size=2), progress_callback=lambda *call: calls.append(call))
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
    silent = train(config_of(batch_size=4))[0]
    assert same_weights(silent, train(config_of(batch_size=4), progress_callback=lambda *call: None)[0])


def test_a_callback_that_draws_random_numbers_does_not_change_the_weights():
    silent, history = train(config_of(batch_size=4))

    def draws(epoch, total_epochs, metrics):
        torch.rand(3)
        if epoch == 2:
            torch.manual_seed(99)
        if epoch == 3:
            raise ValueError("after a draw")

    drawn, again = train(config_of(batch_size=4), progress_callback=draws)
    assert same_weights(silent, drawn)
    assert values_of(history) == values_of(again)
