"""The port between a dispatcher and an environment's transport."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ktrdr.operations import KeptArtifact
from ktrdr.results import TrainingResult
from ktrdr.storage import Encoding
from ktrdr.training import CheckpointPolicy


@dataclass(frozen=True)
class Claim:
    """One attempt at an operation, and everything a node needs to make it."""

    operation_id: str
    attempt: int
    environment: str
    strategy: dict[str, Any]
    """The frozen strategy document, overrides applied."""
    symbols: tuple[str, ...]
    timeframes: tuple[str, ...]
    start_date: str | None
    end_date: str | None
    validation_split: float
    seed: int | None
    require_gpu: bool
    run_name: str | None
    checkpoint_policy: CheckpointPolicy
    artifact: KeptArtifact | None = None
    """What an earlier process of the operation has trained: on its node it is handed over, nothing is trained."""
    only_hands_over: bool = False
    """The attempt was reopened for its artifact alone: it runs where that lies, and takes no slot."""
    artifact_encoding: Encoding = Encoding.GZIP
    """How the trained model travels to the head."""


class TrainingRunner(Protocol):
    """Runs attempts in one environment."""

    async def run(self, claim: Claim) -> TrainingResult:
        """Carry the attempt to its end.

        Raises
        ------
        CancellationError
            If it was cancelled and has stopped.
        InfrastructureError
            If a process or machine went away under it.
        KtrdrError
            What the training itself raised.
        """

    async def force_stop(self, claim: Claim) -> None:
        """Kill the attempt's process; `run` then ends with an error."""

    async def let_go(self, operation_id: str, node_id: str) -> None:
        """Remove what a node keeps of an operation's model, if that can be done now; its sweep does it later."""
