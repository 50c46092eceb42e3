"""What runs a training, and the training itself: no place, numbers that are not finite, a process gone."""

from __future__ import annotations

from ktrdr.errors.root import KtrdrError, Stated


class ExecutionModeError(KtrdrError):
    """No place for this training: what was asked, what nodes there are, what to do."""

    path = "execution_mode"

    kind = "infrastructure"

    def __init__(self, asked: str, nodes: str, advice: str) -> None:
        super().__init__(asked, nodes, advice)
        self.asked, self.nodes, self.advice = asked, nodes, advice

    def __str__(self) -> str:
        return f"No node can run this training: {self.asked}. {self.nodes}"


class NoGpu(ExecutionModeError):
    """A GPU is required and torch finds none on this node."""

    def __init__(self, device: str) -> None:
        advice = "Ask again without require_gpu, or start a node with a GPU."
        super().__init__("a GPU is required", f"torch finds only '{device}' here.", advice)
        self.args = (device,)


class TrainingError(Stated):
    """The training's: numbers that are not finite, a network that cannot be trained."""


class InfrastructureError(KtrdrError):
    """A process or a machine went away under a training."""

    kind = "infrastructure"

    def __init__(self, message: str) -> None:
        super().__init__(message)

    @property
    def suggestion(self) -> str | None:
        return "The service tries again by itself; see `ktrdr operations show`."


class NotStarted(InfrastructureError):
    """The nodes went away before the training could begin."""


class ImportCutShort(InfrastructureError):
    """The model store's process ended while it took a bundle, which may be what it ended over."""

    def __init__(self, actor: str, reason: str) -> None:
        super().__init__(reason)
        self.args = (actor, reason)
        self.actor, self.reason = actor, reason

    def __str__(self) -> str:
        return f"The service's {self.actor} actor ended during the import ({self.reason}); it was not begun again."

    @property
    def suggestion(self) -> str | None:
        return "See `ktrdr models list` for whether it was saved. If the actor ends again, do not import this file."


class StoreUnavailable(InfrastructureError):
    """The database of the operations cannot be read or written now: it is away, locked, or its disk is full."""

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(reason)
        self.args = (store, reason)
        self.store, self.reason = store, reason

    def __str__(self) -> str:
        return f"The operations store {self.store} cannot be used now: {self.reason}."

    @property
    def suggestion(self) -> str | None:
        return (
            "Start the database, make room on its disk, or correct KTRDR_OPERATIONS_URL. "
            "What is under way goes on by itself once the store answers."
        )
