"""The training loop. Shapes: B batch, N rows, F features, C classes."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from ktrdr.async_infrastructure import AdaptiveStride, CancellationToken, ProgressCallback, raise_if_cancelled
from ktrdr.errors import CancellationError, TrainingError
from ktrdr.results import TrainingHistory
from ktrdr.strategy.schema import Training
from ktrdr.training.device import random_state_kept, seeded, threads_for
from ktrdr.training.forward import class_weights_of, forward_rows, held_out_loss
from ktrdr.training.patience import Patience

LOG_EVERY_EPOCHS = 10
VALIDATION = ("val_loss", "val_accuracy")

logger = logging.getLogger("ktrdr.training")


class ModelTrainer:
    """Trains one network on one set of rows, and says how it goes.

    Parameters
    ----------
    training_config
        Epochs, batch size, optimizer, early stopping, class weights and seed.
    progress_callback
        Called after every epoch, and after some batches: about three times a second. One that raises is logged once
        and training goes on; `CancellationError` alone passes through. What it draws from torch's generators is put
        back: it cannot change the weights.
    cancellation_token
        Looked at before every batch, after every epoch and before every call of `progress_callback`.
    device
        Where to train.
    clock
        Seconds; any origin.
    """

    def __init__(
        self,
        training_config: Training,
        progress_callback: ProgressCallback | None = None,
        cancellation_token: CancellationToken | None = None,
        *,
        device: str | torch.device = "cpu",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = training_config
        self._callback = progress_callback
        self._token = cancellation_token
        self._device = torch.device(device)
        self._clock = clock
        self._callback_has_failed = False

    def train(  # noqa: PLR0913 - the signature is a contract
        self,
        X_train: npt.NDArray[np.float32],
        y_train: npt.NDArray[np.int64],
        X_val: npt.NDArray[np.float32],
        y_val: npt.NDArray[np.int64],
        *,
        network: nn.Module,
        n_classes: int,
    ) -> TrainingHistory:
        """Train `network` in place; afterwards it holds the weights of the best epoch, in evaluation mode.

        The best epoch is the one with the strictly best monitored value: `val_loss` unless early stopping says
        otherwise. Order of rows and dropout follow from the seed alone.

        Parameters
        ----------
        X_train, X_val
            (n_rows, n_features).
        y_train, y_val
            (n_rows,) class codes below `n_classes`.
        network
            Gives logits (n_rows, n_classes).

        Raises
        ------
        CancellationError
            When the token is cancelled.
        TrainingError
            If a loss is not finite.
        """
        started = self._clock()
        run = _Run(self._config, network.to(self._device), y_train, n_classes, self._device)
        rows = [torch.from_numpy(array).to(self._device) for array in (X_train, y_train, X_val, y_val)]
        with threads_for(network), seeded(self._device, self._config.seed):
            stride = AdaptiveStride(self._clock)
            for epoch in range(1, self._config.epochs + 1):
                self._check_cancelled()
                self._train_epoch(run, epoch, rows[0], rows[1], stride)
                run.end_epoch(epoch, rows[2], rows[3])
                self._check_cancelled()
                self._report(epoch, {"progress_type": "epoch", **run.last_epoch(epoch)})
                if epoch % LOG_EVERY_EPOCHS == 0:
                    logger.info("Epoch %d/%d: %s", epoch, self._config.epochs, run.in_words())
                if run.is_exhausted and epoch < self._config.epochs:
                    logger.info("Stopped early after epoch %d: best was epoch %d", epoch, run.best_epoch)
                    break
        network.load_state_dict(run.best_state)
        network.eval()
        return run.history(self._clock() - started)

    def _train_epoch(self, run: _Run, epoch: int, X_NF: Tensor, y_N: Tensor, stride: AdaptiveStride) -> None:
        order = torch.randperm(len(y_N), generator=run.shuffle).to(self._device)
        batches = torch.split(order, self._config.batch_size)
        run.begin_epoch()
        for batch, chosen_B in enumerate(batches, start=1):
            self._check_cancelled()
            loss, accuracy = run.train_batch(X_NF.index_select(0, chosen_B), y_N.index_select(0, chosen_B))
            if not math.isfinite(loss):
                raise _not_finite(loss, f"The loss in epoch {epoch}, batch {batch} of {len(batches)},")
            if self._callback is not None and _is_due(stride, batch):
                counts = {"batch": batch, "total_batches_per_epoch": len(batches)}
                values = {"batch_loss": loss, "batch_accuracy": accuracy}
                self._report(epoch, {"progress_type": "batch", **run.so_far(epoch), **counts, **values})

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


class _Run:
    """What changes while one network is trained."""

    def __init__(
        self, config: Training, network: nn.Module, y_train: npt.NDArray[np.int64], n_classes: int, device: torch.device
    ) -> None:
        self._config, self._network = config, network
        weights_C = class_weights_of(y_train, n_classes, config.class_weights)
        self._weights_C = None if weights_C is None else weights_C.to(device)
        self._optimizer = _optimizer(config, network)
        self._stopping = config.early_stopping
        self._patience = Patience(self._stopping) if self._stopping else None
        self.shuffle = torch.Generator().manual_seed(config.seed)
        self.best_epoch = 0
        self.best_state: dict[str, Any] = {}
        self._best_value = math.inf
        self._history: dict[str, list[float]] = {
            name: [] for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate")
        }

    def begin_epoch(self) -> None:
        self._network.train()
        self._loss_sum, self._n_right, self._n_rows = 0.0, 0, 0

    def train_batch(self, X_BF: Tensor, y_B: Tensor) -> tuple[float, float]:
        """Take one step; return the batch's loss and accuracy before it."""
        self._optimizer.zero_grad(set_to_none=True)
        logits_BC = self._network(X_BF)
        loss = functional.cross_entropy(logits_BC, y_B, weight=self._weights_C)
        loss.backward()  # type: ignore[no-untyped-call]
        if self._config.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self._network.parameters(), self._config.gradient_clip)
        self._optimizer.step()
        n_right = int((logits_BC.detach().argmax(1) == y_B).sum().item())
        batch_loss = float(loss.item())
        self._loss_sum += batch_loss * len(y_B)
        self._n_right += n_right
        self._n_rows += len(y_B)
        return batch_loss, n_right / len(y_B)

    def end_epoch(self, epoch: int, X_NF: Tensor, y_N: Tensor) -> None:
        """Measure the validation rows and keep the weights if they are the best so far."""
        logits_NC = forward_rows(self._network, X_NF)
        val_loss = held_out_loss(logits_NC, y_N, self._weights_C, "validation")
        if not math.isfinite(val_loss):
            raise _not_finite(val_loss, f"The validation loss in epoch {epoch}")
        val_accuracy = int((logits_NC.argmax(1) == y_N).sum().item()) / len(y_N)
        values = self._running() | {
            "val_loss": val_loss,
            "val_accuracy": val_accuracy,
            "learning_rate": self._learning_rate,
        }
        for name, value in values.items():
            self._history[name].append(value)
        is_accuracy = self._stopping is not None and self._stopping.monitor == "val_accuracy"
        monitored = -val_accuracy if is_accuracy else val_loss
        if monitored < self._best_value:
            self._best_value, self.best_epoch = monitored, epoch
            self.best_state = copy.deepcopy(self._network.state_dict())
        if self._patience is not None:
            self._patience.saw(monitored)

    @property
    def is_exhausted(self) -> bool:
        """Whether early stopping has waited long enough."""
        return self._patience is not None and self._patience.is_exhausted

    def last_epoch(self, epoch: int) -> dict[str, Any]:
        """Return what the epoch that just ended gave."""
        return {"epoch": epoch, "total_epochs": self._config.epochs} | {k: v[-1] for k, v in self._history.items()}

    def so_far(self, epoch: int) -> dict[str, Any]:
        """Return the running values of an epoch under way; validation values are the epoch's before, or None."""
        validation = {name: values[-1] if (values := self._history[name]) else None for name in VALIDATION}
        counts = {"epoch": epoch, "total_epochs": self._config.epochs}
        return counts | self._running() | validation | {"learning_rate": self._learning_rate}

    def in_words(self) -> str:
        """Return the last epoch's losses and accuracies as a line."""
        last = {name: values[-1] for name, values in self._history.items()}
        train = f"train loss {last['train_loss']:.4f}, accuracy {last['train_accuracy']:.4f}"
        return f"{train}; validation loss {last['val_loss']:.4f}, accuracy {last['val_accuracy']:.4f}"

    def history(self, training_time_s: float) -> TrainingHistory:
        """Return all epochs."""
        n_epochs = len(self._history["val_loss"])
        finals = {f"final_{name}": values[-1] for name, values in self._history.items() if name != "learning_rate"}
        return TrainingHistory(
            epochs=list(range(1, n_epochs + 1)),
            **self._history,
            **finals,
            best_epoch=self.best_epoch,
            best_val_loss=self._history["val_loss"][self.best_epoch - 1],
            epochs_completed=n_epochs,
            early_stopped=self.is_exhausted and n_epochs < self._config.epochs,
            training_time_s=training_time_s,
        )

    @property
    def _learning_rate(self) -> float:
        return float(self._optimizer.param_groups[0]["lr"])

    def _running(self) -> dict[str, Any]:
        return {"train_loss": self._loss_sum / self._n_rows, "train_accuracy": self._n_right / self._n_rows}


def _is_due(stride: AdaptiveStride, batch: int) -> bool:
    before = stride.stride
    is_due = stride.is_due(batch)
    if stride.stride != before:
        logger.debug("Batches are reported every %d, before every %d", stride.stride, before)
    return is_due


def _optimizer(config: Training, network: nn.Module) -> torch.optim.Optimizer:
    parameters, rate, decay = network.parameters(), config.learning_rate, config.weight_decay
    match config.optimizer:
        case "adam":
            return torch.optim.Adam(parameters, lr=rate, weight_decay=decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
        case "sgd":
            return torch.optim.SGD(parameters, lr=rate, weight_decay=decay, momentum=config.momentum, fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, lr=rate, weight_decay=decay)


def _not_finite(loss: float, where: str) -> TrainingError:
    return TrainingError(
        f"{where} is {loss}: training has diverged.", "Lower learning_rate, or set gradient_clip (1.0 is usual)."
    )
