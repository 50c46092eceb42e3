"""The training loop. Shapes: B batch, N rows, F features, S sequence."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ktrdr.async_infrastructure import AdaptiveStride, CancellationToken, ProgressCallback, raise_if_cancelled
from ktrdr.errors import CancellationError
from ktrdr.results import TrainingHistory
from ktrdr.strategy.training import Training
from ktrdr.training.checkpoints import Checkpointing
from ktrdr.training.device import float32_kept, memory_said, random_state_kept, seeded, threads_for
from ktrdr.training.learning.batches import Rows, resolve_batch_size
from ktrdr.training.learning.checkpoint import Origin, rows_sha256
from ktrdr.training.learning.kept import KeptTraining, circumstances_of
from ktrdr.training.learning.learner import Learner, not_finite
from ktrdr.training.learning.losses import loss_of

LOG_EVERY_EPOCHS = 10

logger = logging.getLogger("ktrdr.training")


class ModelTrainer:
    """Trains one network on one set of rows, and says how it goes.

    Parameters
    ----------
    training_config
        Epochs, batch size, optimizer, schedule, loss, early stopping, class weights and seed.
    progress_callback
        Called after every epoch, and after some batches: about three times a second. One that raises is logged once
        and training goes on; `CancellationError` alone passes through. What it draws from torch's generators is put
        back: it cannot change the weights.
    cancellation_token
        Looked at before every batch, after every epoch and before every call of `progress_callback`.
    checkpoints
        Where the states after epochs are kept: a training that finds one goes on from it, and ends with the weights
        and the history that it would have had uninterrupted. Without, nothing is kept.
    device
        Where to train.
    clock
        Seconds; any origin.
    """

    def __init__(  # noqa: PLR0913 - the signature is a contract
        self,
        training_config: Training,
        progress_callback: ProgressCallback | None = None,
        cancellation_token: CancellationToken | None = None,
        *,
        checkpoints: Checkpointing | None = None,
        device: str | torch.device = "cpu",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = training_config
        self._callback = progress_callback
        self._token = cancellation_token
        self._checkpoints = checkpoints
        self._device = torch.device(device)
        self._clock = clock
        self._callback_has_failed = False
        self.resumed_after = 0
        """The epoch after which the last training went on; 0 where it began anew."""
        self.is_mixed = False
        """Attempts before it were made elsewhere, or by other code."""

    def train(  # noqa: PLR0913 - the signature is a contract
        self,
        X_train: npt.NDArray[np.float32],
        y_train: npt.NDArray[np.int64] | npt.NDArray[np.float32],
        X_val: npt.NDArray[np.float32],
        y_val: npt.NDArray[np.int64] | npt.NDArray[np.float32],
        *,
        network: nn.Module,
        n_outputs: int,
        weights_train: npt.NDArray[np.float32] | None = None,
    ) -> TrainingHistory:
        """Train `network` in place; afterwards it holds the weights of the best epoch, in evaluation mode.

        The best epoch is the one with the strictly best monitored value: `val_loss` unless early stopping says
        otherwise. Order of rows and dropout follow from the seed alone. Accuracies in the history are shares of rows
        whose class, or where labels are returns whose sign, is forecast right.

        Parameters
        ----------
        X_train, X_val
            (n_rows, n_features), or windows (n_rows, n_steps, n_features).
        y_train, y_val
            (n_rows,) class codes below `n_outputs`, or returns.
        network
            Gives raw outputs (n_rows, n_outputs).
        n_outputs
            Number of classes; 1 where labels are returns.
        weights_train
            (n_rows,) how much each training row counts in its batch's loss; None: all alike. At least 0, and above 0
            for a row of every batch.

        Raises
        ------
        CancellationError
            When the token is cancelled. The state of the last finished epoch is saved before.
        TrainingError
            If a loss is not finite, or the device's memory cannot hold a batch.
        OtherCheckpoint, BadCheckpoint, StorageError
            Before the first epoch, if what is kept is of another training, is no state of one, or cannot be looked at.
        """
        with memory_said(self._device, "training"):
            return self._train(X_train, y_train, X_val, y_val, network, n_outputs, weights_train)

    def _train(  # noqa: PLR0913 - those of `train`
        self,
        X_train: npt.NDArray[np.float32],
        y_train: npt.NDArray[Any],
        X_val: npt.NDArray[np.float32],
        y_val: npt.NDArray[Any],
        network: nn.Module,
        n_outputs: int,
        weights_train: npt.NDArray[np.float32] | None,
    ) -> TrainingHistory:
        started = self._clock()
        loss = loss_of(self._config, y_train, n_outputs).to(self._device)
        learner = Learner(self._config, network.to(self._device), loss)
        train, validation = self._rows(X_train, y_train, weights_train), self._rows(X_val, y_val)
        with threads_for(network), float32_kept(), seeded(self._device, self._config.seed):
            kept = self._kept(len(train), X_train, y_train, X_val, y_val, weights_train)
            self.resumed_after = kept.resume(learner) if kept else 0
            self.is_mixed = kept.is_mixed if kept else False
            try:
                self._train_epochs(learner, train, validation, kept)
            except CancellationError as cancelled:
                logger.info("Training stopped after %d whole epochs: %s", learner.n_epochs, cancelled)
                raise
            finally:  # whatever ended it
                if kept:
                    kept.save_newest()
        network.load_state_dict(learner.best_state)
        network.eval()
        return learner.history(self._clock() - started + (kept.earlier_s if kept else 0.0))

    def _train_epochs(self, learner: Learner, train: Rows, validation: Rows, kept: KeptTraining | None) -> None:
        stride = AdaptiveStride(self._clock)
        while not learner.is_finished:
            epoch = learner.n_epochs + 1
            self._check_cancelled()
            self._train_epoch(learner, epoch, train, stride)
            learner.end_epoch(epoch, validation)
            if kept:
                kept.epoch_ended(learner)
            self._check_cancelled()
            self._report(epoch, {"progress_type": "epoch", **learner.last_epoch(epoch)})
            if epoch % LOG_EVERY_EPOCHS == 0:
                logger.info("Epoch %d/%d: %s", epoch, self._config.epochs, learner.in_words())
        if learner.n_epochs < self._config.epochs:
            logger.info("Stopped early after epoch %d: best was epoch %d", learner.n_epochs, learner.best_epoch)

    def _kept(self, n_rows: int, *rows: npt.NDArray[Any] | None) -> KeptTraining | None:
        if self._checkpoints is None:
            return None
        origin = Origin(
            strategy_sha256=self._checkpoints.strategy_sha256,
            data_sha256=self._checkpoints.data_sha256,
            rows_sha256=rows_sha256(*rows),
            seed=self._config.seed,
        )
        batch_size = resolve_batch_size(self._config.batch_size, self._device.type, n_rows)
        circumstances = circumstances_of(self._device, batch_size, self._checkpoints.code_sha256)
        return KeptTraining(self._checkpoints, origin, circumstances, self._device, self._clock)

    def _rows(
        self, X_N: npt.NDArray[Any], y_N: npt.NDArray[Any], weights_N: npt.NDArray[np.float32] | None = None
    ) -> Rows:
        X, y = (torch.from_numpy(array).to(self._device) for array in (X_N, y_N))
        return Rows(X, y, None if weights_N is None else torch.from_numpy(weights_N).to(self._device))

    def _train_epoch(self, learner: Learner, epoch: int, train: Rows, stride: AdaptiveStride) -> None:
        order = torch.randperm(len(train), generator=learner.shuffle).to(self._device)
        batch_size = resolve_batch_size(self._config.batch_size, self._device.type, len(train))
        batches = torch.split(order, min(batch_size, len(train)))
        learner.begin_epoch()
        for batch, chosen_B in enumerate(batches, start=1):
            self._check_cancelled()
            loss, accuracy = learner.train_batch(train, chosen_B)
            if not math.isfinite(loss):
                where = f"The loss in epoch {epoch}, batch {batch} of {len(batches)},"
                raise not_finite(loss, where, train.select(chosen_B))
            if self._callback is not None and _is_due(stride, batch):
                counts = {"batch": batch, "total_batches_per_epoch": len(batches)}
                values = {"batch_loss": loss, "batch_accuracy": accuracy}
                self._report(epoch, {"progress_type": "batch", **learner.so_far(epoch), **counts, **values})

    def _check_cancelled(self) -> None:
        raise_if_cancelled(self._token)

    def _report(self, epoch: int, metrics: dict[str, Any]) -> None:
        if self._callback is None:
            return
        self._check_cancelled()
        try:
            with random_state_kept(self._device):
                self._callback(epoch, self._config.epochs, metrics)
        except CancellationError:
            raise
        except Exception:
            # the callback is the caller's code: its faults must not cost the training
            if not self._callback_has_failed:
                logger.exception("The progress callback raised in epoch %d; training goes on without its fault", epoch)
            self._callback_has_failed = True


def _is_due(stride: AdaptiveStride, batch: int) -> bool:
    before = stride.stride
    is_due = stride.is_due(batch)
    if stride.stride != before:
        logger.debug("Batches are reported every %d, before every %d", stride.stride, before)
    return is_due
