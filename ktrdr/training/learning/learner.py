"""What changes while one network is trained. Shapes: B batch, N rows, C outputs."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from ktrdr.errors import TrainingError
from ktrdr.results import TrainingHistory
from ktrdr.strategy.training import Training
from ktrdr.training.device import is_out_of_memory
from ktrdr.training.learning.batches import Rows, does_not_fit
from ktrdr.training.learning.checkpoint import LearnerState, Tensors, copied
from ktrdr.training.learning.forward import forward_rows
from ktrdr.training.learning.losses import Loss
from ktrdr.training.learning.optimization import LearningRate, optimizer_of, restore_optimizer
from ktrdr.training.learning.patience import Patience

VALIDATION = ("val_loss", "val_accuracy")


class Learner:
    """A network under training: its optimizer, learning rate, patience, best weights, history and order of rows.

    Parameters
    ----------
    config
        Optimizer, schedule, early stopping, gradient clip and seed.
    network
        On the device of the rows; trained in place.
    loss
        On the same device.
    """

    def __init__(self, config: Training, network: nn.Module, loss: Loss) -> None:
        self._config, self._network, self._loss = config, network, loss
        self._optimizer = optimizer_of(config, network)
        self._learning_rate = LearningRate(config, self._optimizer)
        self._patience = Patience(config.early_stopping) if config.early_stopping else None
        self.shuffle = torch.Generator().manual_seed(config.seed)
        self.best_epoch = 0
        self.best_state: Tensors = {}
        self._best_value = math.inf
        self._history: dict[str, list[float]] = {
            name: [] for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate")
        }

    def begin_epoch(self) -> None:
        """Start the running sums anew, with dropout on."""
        self._network.train()
        self._loss_sum, self._n_right, self._n_rows = 0.0, 0, 0

    def train_batch(self, rows: Rows, chosen_B: Tensor) -> tuple[float, float]:
        """Take one step on the rows at these positions; return the batch's loss and accuracy before it.

        Raises
        ------
        TrainingError
            If the device's memory cannot hold the batch.
        """
        try:
            return self._step(rows.select(chosen_B))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        # not inside the handler: while the error lives, what the failed pass allocated does too
        raise does_not_fit(self._network, self._loss, rows, chosen_B)

    def end_epoch(self, epoch: int, validation: Rows) -> None:
        """Measure the validation rows, keep the weights if they are the best so far, and set the next rate.

        Raises
        ------
        TrainingError
            If the loss is not finite, or no row carries weight in it.
        """
        outputs_NC = forward_rows(self._network, validation.X)
        val_loss = self._loss.held_out(outputs_NC, validation.y, "validation")
        if not math.isfinite(val_loss):
            raise not_finite(val_loss, f"The validation loss in epoch {epoch}", validation)
        val_accuracy = self._loss.accuracy(outputs_NC, validation.y)
        values = self._running() | {
            "val_loss": val_loss,
            "val_accuracy": val_accuracy,
            "learning_rate": self._learning_rate.value,
        }
        for name, value in values.items():
            self._history[name].append(value)
        monitored = -val_accuracy if self._config.monitor == "val_accuracy" else val_loss
        if monitored < self._best_value:
            self._best_value, self.best_epoch = monitored, epoch
            self.best_state = copy.deepcopy(self._network.state_dict())
        if self._patience is not None:
            self._patience.saw(monitored)
        self._learning_rate.end_epoch(monitored)

    @property
    def n_epochs(self) -> int:
        """The epochs that are finished."""
        return len(self._history["val_loss"])

    @property
    def is_finished(self) -> bool:
        """Whether no epoch is left, or early stopping has waited long enough."""
        return self.n_epochs >= self._config.epochs or self.is_exhausted

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
        return counts | self._running() | validation | {"learning_rate": self._learning_rate.value}

    def in_words(self) -> str:
        """Return the last epoch's losses and accuracies as a line."""
        last = {name: values[-1] for name, values in self._history.items()}
        train = f"train loss {last['train_loss']:.4f}, accuracy {last['train_accuracy']:.4f}"
        return f"{train}; validation loss {last['val_loss']:.4f}, accuracy {last['val_accuracy']:.4f}"

    def history(self, training_time_s: float) -> TrainingHistory:
        """Return all epochs."""
        n_epochs = self.n_epochs
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

    def state(self) -> LearnerState:
        """Return all that changes, after a whole epoch: copies on the CPU, but for the best weights, which stay."""
        optimizer = self._optimizer.state_dict()["state"]
        return LearnerState(
            network=copied(self._network.state_dict()),
            optimizer={number: copied(kept) for number, kept in optimizer.items()},
            learning_rate=self._learning_rate.value,
            schedule=self._learning_rate.state(),
            patience=None if self._patience is None else self._patience.state(),
            best_epoch=self.best_epoch,
            best_value=self._best_value,
            best_network=dict(self.best_state),
            history={name: list(values) for name, values in self._history.items()},
            shuffle=self.shuffle.get_state(),
        )

    def restore(self, state: LearnerState) -> None:
        """Go on from there: the next epoch is the one after it.

        Raises
        ------
        ValueError, RuntimeError
            If it is the state of another learner.
        """
        shapes = {name: (of.shape, of.dtype) for name, of in self._network.state_dict().items()}
        for kept in (state.network, state.best_network):
            if {name: (of.shape, of.dtype) for name, of in kept.items()} != shapes:
                raise ValueError("its weights are those of another network")
        n_epochs = {len(values) for values in state.history.values()}
        is_whole = state.history.keys() == self._history.keys() and len(n_epochs) == 1
        if not is_whole or not state.best_epoch <= min(n_epochs) <= self._config.epochs:
            raise ValueError("its history is not that of whole epochs")
        if (state.patience is None) != (self._patience is None):
            raise ValueError("its early stopping is another")
        self._learning_rate.restore(state.learning_rate, state.schedule)
        restore_optimizer(self._optimizer, state.optimizer)
        self.shuffle.set_state(state.shuffle)
        self._network.load_state_dict(state.network)
        if self._patience is not None and state.patience is not None:
            self._patience.restore(state.patience)
        self.best_epoch, self._best_value, self.best_state = state.best_epoch, state.best_value, state.best_network
        self._history = {name: list(state.history[name]) for name in self._history}

    def _step(self, batch: Rows) -> tuple[float, float]:
        self._optimizer.zero_grad(set_to_none=True)
        outputs_BC = self._network(batch.X)
        loss = self._loss(outputs_BC, batch.y, batch.weights)
        loss.backward()  # type: ignore[no-untyped-call]
        if self._config.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self._network.parameters(), self._config.gradient_clip)
        self._optimizer.step()
        n_right = self._loss.n_right(outputs_BC.detach(), batch.y)
        batch_loss = float(loss.item())
        self._loss_sum += batch_loss * len(batch)
        self._n_right += n_right
        self._n_rows += len(batch)
        return batch_loss, n_right / len(batch)

    def _running(self) -> dict[str, Any]:
        return {"train_loss": self._loss_sum / self._n_rows, "train_accuracy": self._n_right / self._n_rows}


def not_finite(loss: float, where: str, rows: Rows) -> TrainingError:
    """Return the error for a loss of `rows` that is not finite: from what goes in, or because training diverged."""
    has_features = torch.isfinite(rows.X).flatten(1).all(1)
    if not bool(has_features.all()):
        cause = f"{int((~has_features).sum())} of its {len(rows)} rows have a feature that is not finite"
        advice = "Take out the indicator that gives such values, or leave the bars out of the date range."
    elif not bool(torch.isfinite(rows.y).all()):
        cause = f"{int((~torch.isfinite(rows.y)).sum())} of its {len(rows)} rows have a label that is not finite"
        advice = "Look for bars whose price is wrong."
    elif rows.weights is not None and not 0 < float(rows.weights.sum()) < math.inf:
        cause = f"the weights of its {len(rows)} rows have no finite sum above 0"
        advice = "Set sample_weights to none, or raise batch_size."
    else:
        cause = "training has diverged"
        advice = "Lower learning_rate, or set gradient_clip (1.0 is usual)."
    return TrainingError(f"{where} is {loss}: {cause}.", advice)
