"""Where a training is: the payload of an update, and the manager that makes one out of steps, epochs and batches."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from ktrdr.async_infrastructure.renderer import ProgressRenderer, TrainingProgressRenderer
from ktrdr.errors import CancellationError

logger = logging.getLogger(__name__)

ProgressCallback = Callable[[int, int, dict[str, Any]], None]
"""epoch (from 1), total_epochs, metrics; called on the training thread."""

EPOCH_KEYS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate")
BATCH_KEYS = ("batch", "total_batches", "batch_loss", "batch_accuracy")
CONTEXT_KEYS = ("epoch", "total_epochs", *EPOCH_KEYS, *BATCH_KEYS, "symbol", "timeframe", "indicator")

MIN_INTERVAL_S = 0.1
"""Between two updates inside a step that counts items; epochs and batches are throttled by who calls."""


@dataclass(frozen=True)
class Progress:
    """One update. Percentages are in [0, 100] with one decimal; None where a field does not apply."""

    operation_id: str
    attempt: int
    sequence: int
    """Rises by one with each update of an attempt: an update with a lower number is out of date."""
    current_step: int
    total_steps: int
    percentage: float
    """current_step / total_steps; never goes back."""
    step_percentage: float
    """Rises within a step."""
    batch_percentage: float | None
    """Rises within an epoch."""
    message: str
    eta_s: float | None
    """To the end of the present step: of the last epoch from the epochs measured so far, in a step that counts items
    of the last item from how fast they went since its first update. None before there is something to measure."""
    context: dict[str, Any]
    """Always every one of `CONTEXT_KEYS`."""

    def as_dict(self) -> dict[str, Any]:
        """Return the payload, every key of it."""
        return asdict(self)


@dataclass
class _Step:
    """What is known of the present step; the next one starts afresh."""

    number: int
    name: str
    began_s: float
    percentage: float = 0.0
    batch_percentage: float | None = None
    eta_s: float | None = None
    context: dict[str, Any] = field(default_factory=lambda: dict.fromkeys(CONTEXT_KEYS))
    segment: int = 1
    total_segments: int = 1
    n_epochs_measured: int = 0
    epochs_ended_s: float = 0.0
    item_published_s: float | None = None
    first_item: tuple[float, float] | None = None
    """When the step's first item was reported, and the share done then."""


class GenericProgressManager:
    """Follows an operation through its steps and hands each update to `callback`, on the thread that works.

    A callback that raises is logged once and otherwise ignored; `CancellationError` alone passes through.

    Parameters
    ----------
    operation_id
        Whose progress it is.
    total_steps
        The last step means complete: 100 %.
    renderer
        Makes the message; a `TrainingProgressRenderer` where none is given.
    callback
        Receives every update. Must not wait for anything.
    attempt
        Which attempt of the operation this is, from 1.
    clock
        Seconds, monotonic.
    """

    def __init__(  # noqa: PLR0913 - the signature is a contract
        self,
        operation_id: str,
        total_steps: int = 12,
        renderer: ProgressRenderer | None = None,
        callback: Callable[[Progress], None] | None = None,
        *,
        attempt: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._operation_id, self._attempt, self._total_steps = operation_id, attempt, total_steps
        self._renderer = renderer or TrainingProgressRenderer()
        self._callback, self._clock = callback, clock
        self._has_callback_failed = False
        self._sequence = 0
        self._percentage = 0.0
        self._step = _Step(0, "", clock())

    @contextmanager
    def step(self, number: int, name: str) -> Iterator[None]:
        """Enter step `number` (from 1), called `name`, and publish that.

        Raises
        ------
        ValueError
            If `number` is not one of the steps.
        """
        if not 1 <= number <= self._total_steps:
            raise ValueError(f"step {number} is not within 1..{self._total_steps}")
        self._step = _Step(number, name, self._clock())
        self._percentage = max(self._percentage, _percent(number, self._total_steps))
        if number == self._total_steps:
            self._step.percentage = 100.0  # complete: nothing is left to do in it
        self._publish()
        yield

    def update_step_progress(
        self, step_current: int, step_total: int, message: str = "", context: dict[str, Any] | None = None
    ) -> None:
        """Report item `step_current` of `step_total` inside the step.

        `context` (symbol, timeframe, indicator) is kept until the step ends; `message` stands after the step's name in
        place of what the renderer makes of the context.
        """
        self._step.context.update(context or {})
        share = step_current / step_total if step_total else 1.0
        self._publish_item(share, f"{self._step.name} - {message}" if message else None)

    def update_segment(self, segment: int, total_segments: int) -> None:
        """Report that data loading has come to `segment` (from 1): one symbol in one timeframe."""
        self._step.segment, self._step.total_segments = segment, total_segments
        self.update_items(0, 1)

    def update_items(self, items_processed: int, total_items: int) -> None:
        """Report bars loaded of those in the present segment."""
        n_segments_done = self._step.segment - 1 + (items_processed / total_items if total_items else 1.0)
        self._publish_item(n_segments_done / self._step.total_segments, None)

    def training_callback(self, epoch: int, total_epochs: int, metrics: dict[str, Any]) -> None:
        """Report an epoch (from 1) that ended, or a batch inside one where `progress_type` is "batch"."""
        self._step.context.update(dict.fromkeys((*EPOCH_KEYS, *BATCH_KEYS)), epoch=epoch, total_epochs=total_epochs)
        self._step.context.update({key: metrics.get(key) for key in EPOCH_KEYS})
        if metrics.get("progress_type") == "batch":
            n_epochs_done = self._at_batch(epoch, metrics)
        else:
            n_epochs_done = float(epoch)
            self._step.batch_percentage = 100.0
            self._step.n_epochs_measured += 1
            self._step.epochs_ended_s = self._clock()
        self._raise_step_percentage(_percent(n_epochs_done, total_epochs))
        self._step.eta_s = self._remaining_s(total_epochs - n_epochs_done)
        self._publish()

    def _at_batch(self, epoch: int, metrics: Mapping[str, Any]) -> float:
        batch, total_batches = metrics["batch"], metrics["total_batches_per_epoch"]
        self._step.context.update(
            batch=batch,
            total_batches=total_batches,
            batch_loss=metrics.get("batch_loss"),
            batch_accuracy=metrics.get("batch_accuracy"),
        )
        self._step.batch_percentage = _percent(batch, total_batches)
        return float(epoch - 1 + batch / total_batches)

    def _remaining_s(self, n_epochs_left: float) -> float | None:
        """Return epochs left times the mean duration of those this attempt measured; None before the first."""
        if self._step.n_epochs_measured == 0:
            return None
        mean_epoch_s = (self._step.epochs_ended_s - self._step.began_s) / self._step.n_epochs_measured
        return round(n_epochs_left * mean_epoch_s, 1)

    def _raise_step_percentage(self, percentage: float) -> None:
        self._step.percentage = max(self._step.percentage, min(percentage, 100.0))

    def _publish_item(self, share: float, message: str | None) -> None:
        """Report that `share` of the step's items is done."""
        self._raise_step_percentage(_percent(share, 1.0))
        now_s = self._clock()
        if self._step.item_published_s is None or now_s - self._step.item_published_s >= MIN_INTERVAL_S:
            self._step.item_published_s = now_s
            self._step.eta_s = self._remaining_items_s(share, now_s)
            self._publish(message)

    def _remaining_items_s(self, share: float, now_s: float) -> float | None:
        """Return the share left over the rate since the first item: whether items are told before or after is equal."""
        if self._step.first_item is None:
            self._step.first_item = now_s, share
        first_s, first_share = self._step.first_item
        if share <= first_share:
            return None
        return round((1.0 - min(share, 1.0)) * (now_s - first_s) / (share - first_share), 1)

    def _publish(self, message: str | None = None) -> None:
        if self._callback is None:
            return
        self._sequence += 1
        update = Progress(
            operation_id=self._operation_id,
            attempt=self._attempt,
            sequence=self._sequence,
            current_step=self._step.number,
            total_steps=self._total_steps,
            percentage=self._percentage,
            step_percentage=self._step.percentage,
            batch_percentage=self._step.batch_percentage,
            message=message or self._renderer.render(self._step.number, self._step.name, self._step.context),
            eta_s=self._step.eta_s,
            context=dict(self._step.context),
        )
        try:
            self._callback(update)
        except CancellationError:
            raise
        except Exception:  # what a user's callback does wrong must not end a training
            if not self._has_callback_failed:
                self._has_callback_failed = True
                logger.exception("The progress callback of %s raised; the training goes on", self._operation_id)


def _percent(done: float, total: float) -> float:
    """Return done / total in percent, one decimal; nothing of nothing is all of it."""
    return round(done / total * 100, 1) if total else 100.0
