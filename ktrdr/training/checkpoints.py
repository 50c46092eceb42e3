"""Where the states of a training are kept while it goes on, and how often: the port, and when a save is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ktrdr.errors import RequestError


class CheckpointStore(Protocol):
    """Who keeps the states of one training: a `FileCheckpointStore`, or on a cluster an adapter that hands them over.

    What is kept outlives the process. A store tells a whole state from a damaged one; what is in it is not its matter.
    """

    def save(self, content: bytes) -> None:
        """Keep the newest state; when this returns, `latest` gives it, in another process too.

        Raises
        ------
        StorageError, InfrastructureError
            If it could not be kept: the training goes on, and what was kept before still is.
        """

    def latest(self) -> bytes | None:
        """Return the newest whole state; None where there is none.

        Raises
        ------
        StorageError, InfrastructureError
            If it is not known whether there is one: the training does not begin.
        """

    def clear(self) -> None:
        """Forget all states: the training is over.

        Raises
        ------
        StorageError, InfrastructureError
            If some are left.
        """


@dataclass(frozen=True)
class CheckpointPolicy:
    """When the state after an epoch is saved: so long after the save before, or so many epochs, what comes first."""

    interval_s: float = 30.0
    every_epochs: int | None = None

    def __post_init__(self) -> None:
        if not self.interval_s > 0:
            raise RequestError("checkpoint_interval_s", "The time between two checkpoints must be above 0 seconds.")
        if self.every_epochs is not None and self.every_epochs < 1:
            raise RequestError("checkpoint_every_epochs", "The epochs between two checkpoints must be 1 or more.")

    def is_due(self, seconds: float, n_epochs: int) -> bool:
        """Return whether to save, so long and so many epochs after the save before."""
        return seconds >= self.interval_s or (self.every_epochs is not None and n_epochs >= self.every_epochs)


@dataclass(frozen=True)
class Checkpointing:
    """Where and how often the states of one training are kept, and what they are states of."""

    store: CheckpointStore
    policy: CheckpointPolicy
    strategy_sha256: str
    data_sha256: str
    """Over every bar loaded."""
    code_sha256: str
    """Of the code that trains."""
