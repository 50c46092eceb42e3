"""An operation's news as they come: three live bars on a terminal, plain lines elsewhere, nothing beside JSON."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from ktrdr.errors import ServiceUnreachable
from serve.cli.outcomes import TERMINAL_STATUSES
from serve.cli.printing import Terminal, duration

if TYPE_CHECKING:
    from rich.console import Group

    from ktrdr.client import Client, ServiceEvent

N_EPOCH_LINES = 10
"""At most about this many lines for the epochs of a training, beside its first and its last."""
_REFRESH_PER_S = 8


class View(Protocol):
    """Shows news."""

    def show(self, event: ServiceEvent) -> None:
        """Take one event."""


def follow(client: Client, operation_id: str, terminal: Terminal) -> dict[str, Any]:
    """Show the operation's news until it has ended, and return it then."""
    try:
        with _view(terminal) as view:
            for event in client.events(operation_id):
                view.show(event)
                if event.event == "end":
                    return event.payload
    except ServiceUnreachable:
        back = f"`ktrdr operations follow {operation_id}`"
        terminal.warn(f"The service went away; the training itself is not touched. Come back with {back}.")
        raise
    raise AssertionError("unreachable: events() ends with `end` or raises")


def _view(terminal: Terminal) -> AbstractContextManager[View]:
    if terminal.as_json:
        return nullcontext(Silence())
    return LiveBars(terminal) if terminal.is_terminal else nullcontext(PlainLines(terminal))


class Silence:
    """Shows nothing."""

    def show(self, event: ServiceEvent) -> None:
        """Take one event."""


class PlainLines:
    """One line for each step, each change of state, and about every tenth of the epochs."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._attempt = self._step = self._epoch = 0
        self._said = ""

    def show(self, event: ServiceEvent) -> None:
        """Take one event."""
        if event.event == "state":
            self._show_state(event.payload)
        elif event.event == "progress":
            self._show_progress(event.payload)

    def _show_state(self, state: dict[str, Any]) -> None:
        line = state_line(state)
        if line != self._said:
            self._terminal.say(line)
            self._said = line

    def _show_progress(self, progress: dict[str, Any]) -> None:
        if progress["attempt"] != self._attempt:
            self._attempt, self._step, self._epoch = progress["attempt"], 0, 0
        if progress["current_step"] != self._step:
            self._step = progress["current_step"]
            self._terminal.say(f"Step {self._step}/{progress['total_steps']}: {step_name(progress)}")
        context = progress["context"]
        if context.get("epoch") is None or context.get("batch") is not None:
            return
        epoch, total = context["epoch"], context["total_epochs"]
        if self._epoch == 0 or epoch == total or epoch - self._epoch >= math.ceil(total / N_EPOCH_LINES):
            self._epoch = epoch
            self._terminal.say(f"  Epoch {epoch}/{total}: {measures(progress)}{time_left(progress, ' - ')}")


class LiveBars:
    """Steps, epochs and batches as bars that fill, with loss, accuracy and the time left below."""

    def __init__(self, terminal: Terminal) -> None:
        from rich.live import Live
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self._terminal = terminal
        self._bars = Progress(
            TextColumn("{task.description:<8}", markup=False),
            BarColumn(bar_width=40),
            TaskProgressColumn(),
            TextColumn("{task.fields[place]}", markup=False),
            auto_refresh=False,
        )
        self._steps, self._epochs, self._batches = (
            self._bars.add_task(name, total=1.0, place="") for name in ("Steps", "Epochs", "Batches")
        )
        self._attempt = 0
        self._said = self._measures = ""
        self._live = Live(console=terminal.console, refresh_per_second=_REFRESH_PER_S, get_renderable=self._render)

    def __enter__(self) -> LiveBars:
        self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, event: ServiceEvent) -> None:
        """Take one event."""
        if event.event == "progress":
            self._show_progress(event.payload)
        elif event.event == "state":
            line = state_line(event.payload)
            if line != self._said:
                self._terminal.say(line)  # above the bars: they stay at the bottom
                self._said = line
        elif event.payload["result"] is not None:
            self._show_end(event.payload["result"]["training_metrics"])

    def _show_end(self, history: dict[str, Any]) -> None:
        """Leave the bars as the training ended: early or not, and its best epoch's numbers, which are the model's."""
        n_epochs, best = history["epochs_completed"], history["best_epoch"]
        how = f"{n_epochs} epochs" + (", stopped early" if history["early_stopped"] else "") + f"; the best was {best}"
        self._bars.update(self._epochs, completed=n_epochs, total=n_epochs, place=how)
        names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
        self._measures = measures({"context": {name: history[name][best - 1] for name in names}})

    def _show_progress(self, progress: dict[str, Any]) -> None:
        if progress["attempt"] != self._attempt:
            self._attempt, self._measures = progress["attempt"], ""
            for bar in (self._epochs, self._batches):
                self._bars.update(bar, completed=0.0, place="")
        step, n_steps = progress["current_step"], progress["total_steps"]
        self._bars.update(self._steps, completed=step, total=n_steps, place=f"{step}/{n_steps} {step_name(progress)}")
        context = progress["context"]
        if context.get("epoch") is None:
            return
        epoch, n_epochs = context["epoch"], context["total_epochs"]
        within = (progress["batch_percentage"] or 0.0) / 100
        at_epoch = f"{epoch}/{n_epochs}{time_left(progress, ', ')}"
        self._bars.update(self._epochs, completed=epoch - 1 + within, total=n_epochs, place=at_epoch)
        batch = context.get("batch")
        place = "" if batch is None else f"{batch}/{context['total_batches']}"
        self._bars.update(self._batches, completed=within, total=1.0, place=place)
        self._measures = measures(progress) or self._measures

    def _render(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        return Group(self._bars.get_renderable(), Text(self._measures))


def state_line(state: dict[str, Any]) -> str:
    """Return a change of state in a line; of an end only that it came, since what follows says how."""
    status = str(state["status"])
    if status in TERMINAL_STATUSES:
        return f"{status.capitalize()}."
    reason = str(state["status_reason"]).split(" Follow it with ")[0]  # it is being followed
    return reason if reason.lower().startswith(status) else f"{status.capitalize()}: {reason}"


def step_name(progress: dict[str, Any]) -> str:
    """Return the step without what it is at."""
    return str(progress["message"]).split(" - ")[0]


def measures(progress: dict[str, Any]) -> str:
    """Return loss and accuracy in words, of the epoch or of the batch."""
    context = progress["context"]
    found = []
    for part, loss, accuracy in (
        ("train", "train_loss", "train_accuracy"),
        ("validation", "val_loss", "val_accuracy"),
        ("batch", "batch_loss", "batch_accuracy"),
    ):
        if context.get(loss) is not None:
            share = context.get(accuracy)
            found.append(f"{part} loss {context[loss]:.4f}" + (f", accuracy {share:.1%}" if share is not None else ""))
    return " - ".join(found)


def time_left(progress: dict[str, Any], before: str) -> str:
    """Return the time left in words, after `before`; nothing where it is not known, or over."""
    return f"{before}{duration(progress['eta_s'])} left" if progress.get("eta_s") else ""
