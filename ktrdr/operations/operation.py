"""What an operation is, and the one table of what may follow what in its life."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ktrdr.errors import ErrorKind, TransitionRefused


class OperationStatus(StrEnum):
    """Where an operation stands."""

    PENDING = "pending"
    RUNNING = "running"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


TRANSITIONS: dict[OperationStatus, frozenset[OperationStatus]] = {
    OperationStatus.PENDING: frozenset(
        {
            OperationStatus.RUNNING,  # claimed for a free slot
            OperationStatus.CANCELLED,
            OperationStatus.FAILED,  # a deadline passed before there was a place
        }
    ),
    OperationStatus.RUNNING: frozenset(
        {
            OperationStatus.CANCELLING,  # asked before its commit began
            OperationStatus.COMPLETED,
            OperationStatus.FAILED,
            OperationStatus.PENDING,  # the attempt ended by infrastructure or was suspended
        }
    ),
    OperationStatus.CANCELLING: frozenset({OperationStatus.CANCELLED}),
    OperationStatus.COMPLETED: frozenset(),
    OperationStatus.FAILED: frozenset(
        {
            OperationStatus.PENDING,  # resumed from its checkpoint
            OperationStatus.RUNNING,  # the same attempt, reopened: its artifact is handed over again
        }
    ),
    OperationStatus.CANCELLED: frozenset({OperationStatus.PENDING}),
}

TERMINAL = frozenset({OperationStatus.COMPLETED, OperationStatus.FAILED, OperationStatus.CANCELLED})
"""Nothing follows by itself: no report of an attempt changes it."""
ACTIVE = frozenset(TRANSITIONS) - TERMINAL
UNDER_WAY = (OperationStatus.RUNNING, OperationStatus.CANCELLING)
"""An attempt has it."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Execution(_Record):
    """Where it was asked to run, where it was placed and why, and what it runs on."""

    requested_mode: str
    mode: str
    environment: str
    node: str | None = None
    device: str | None = None
    fallback: bool = False
    reason: str
    cost_per_hour: float | None = None
    """Of a running training there, as the environment is configured; None where nobody has said."""


class OperationError(_Record):
    """Why it failed. `problems` are those of the error (path, message, suggestion, line, column where known)."""

    kind: ErrorKind
    message: str
    problems: list[dict[str, Any]] = Field(default_factory=list)
    step: int | None = None
    traceback: str | None = None


class KeptArtifact(_Record):
    """A trained model as it was packed, where it waits to be handed over."""

    node: str
    """Ray's id of the node; one that is started again has another, and the same `address`."""
    address: str
    path: str
    """On that node; for people: it is found by the operation and `sha256`."""
    sha256: str
    size: int = Field(ge=0)
    """Bytes."""


class Operation(_Record):
    """One training asked for, at one moment of its life. Times are ISO 8601 texts in UTC with milliseconds."""

    operation_id: str
    operation_type: Literal["training"] = "training"
    status: OperationStatus = OperationStatus.PENDING
    status_reason: str = Field(min_length=1)
    """One sentence for a person, and the next step where there is one."""
    created_at: str
    started_at: str | None = None
    """The first attempt's start."""
    attempt_started_at: str | None = None
    """The present attempt's start; None while none is under way."""
    ran_s: float = Field(default=0.0, ge=0)
    """Seconds that attempts which have ended were under way, the hand-overs made again left out."""
    completed_at: str | None = None
    attempt: int = Field(default=0, ge=0)
    """Fences late reports; 0 before the first claim."""
    max_attempts: int = Field(default=3, ge=1)
    parent_operation_id: str | None = None
    strategy_name: str
    request: dict[str, Any]
    identical_model: dict[str, Any] | None = None
    """The model that the same training had made when this one was asked for."""
    body_sha256: str | None = None
    """Hash of what was asked: the same id with another body is a mistake."""
    execution: Execution
    committing: bool = False
    """The present attempt's model is being saved: it can no longer be cancelled."""
    artifact: KeptArtifact | None = None
    """What has been trained and is not in the model store yet."""
    transferring: bool = False
    """The present attempt was reopened: it hands `artifact` over and trains nothing."""
    trained: bool = False
    """The present attempt has trained and kept what came of it: only its hand-over is left."""
    fenced: bool = False
    """The present attempt is being given up: it may no longer begin to save its model."""
    unreachable_since: str | None = None
    """The last word of the present attempt, where none has come since for longer than its lease."""
    owner: str | None = None
    """The dispatcher incarnation that claimed the present attempt."""
    cancel_reason: str | None = None
    cancel_forced: bool = False
    """Not to be waited for: its process is killed."""
    progress: dict[str, Any] | None = None
    """The last update, once the operation has ended."""
    result: dict[str, Any] | None = None
    error: OperationError | None = None
    has_checkpoint: bool = False
    """A state is kept to go on from; of a completed one none is."""
    resumable: bool = False
    """It has failed or was cancelled, and can go on from its checkpoint."""

    @property
    def is_terminal(self) -> bool:
        """Whether nothing follows by itself."""
        return self.status in TERMINAL

    def moved(self, to: OperationStatus, now: datetime, **changes: Any) -> Operation:
        """Return the operation in status `to` since `now`, with `changes` to its other fields.

        Raises
        ------
        TransitionRefused
            If `to` does not follow the present status.
        """
        if to not in TRANSITIONS[self.status]:
            raise TransitionRefused(self.operation_id, self.status.value, to.value)
        times: dict[str, Any] = {}
        if to is OperationStatus.RUNNING:
            times["started_at"] = self.started_at or utc_text(now)
            times["attempt_started_at"] = utc_text(now)
        elif to is not OperationStatus.CANCELLING:
            times |= {"ran_s": self.ran_until_s(now), "attempt_started_at": None, "unreachable_since": None}
        times["completed_at"] = utc_text(now) if to in TERMINAL else None
        is_completed = to is OperationStatus.COMPLETED
        has_checkpoint = self.has_checkpoint and not is_completed
        kept: dict[str, Any] = {"has_checkpoint": has_checkpoint, "resumable": has_checkpoint and to in TERMINAL}
        kept["artifact"] = None if is_completed else self.artifact
        kept["transferring"] = self.transferring and to is OperationStatus.CANCELLING
        # they belong to the running attempt: no other status carries them on
        kept |= {"committing": False, "fenced": False, "trained": False}
        return self.changed(**{**kept, **times, **changes, "status": to})

    def waited_s(self, now: datetime) -> float:
        """Return how long ago it was submitted."""
        return _seconds(self.created_at, now)

    def attempt_ran_s(self, now: datetime) -> float:
        """Return how long its present attempt has been under way; 0 where none is."""
        return _seconds(self.attempt_started_at, now) if self.attempt_started_at else 0.0

    def ran_until_s(self, now: datetime) -> float:
        """Return for how long attempts at it were under way, the present one too; not what one was reopened for."""
        if self.transferring:
            return self.ran_s
        return round(self.ran_s + self.attempt_ran_s(now), 3)

    def cost(self, now: datetime) -> float | None:
        """Return what its attempts have cost; None where its environment has no price."""
        price = self.execution.cost_per_hour
        return None if price is None else self.ran_until_s(now) / 3600 * price

    def changed(self, **changes: Any) -> Operation:
        """Return a copy with other values, validated. Its status changes through `moved` alone."""
        return Operation.model_validate({**self.__dict__, **changes})


def utc_text(moment: datetime) -> str:
    """Return an aware datetime as `2025-01-31T09:30:00.000Z`: texts sort as their times do."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """Return the moment that `utc_text` wrote."""
    return datetime.fromisoformat(text)


def _seconds(since: str, now: datetime) -> float:
    # a clock that was set back makes no time negative
    return max(now - moment_of(since), timedelta()).total_seconds()
