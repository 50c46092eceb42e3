"""What the service answers, operations aside."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from ktrdr.operations import Operation
from ktrdr.strategy.migration import Migration
from ktrdr.wire.requests import ExecutionMode

PREFIX = "/api/v1"
SHA256_HEADER = "X-Content-SHA256"
"""Of a download: the checksum of all that comes, in hex digits."""


class IdenticalModel(BaseModel):
    """A model that the same training has made: the same strategy, bars, rows, seed and code."""

    model_id: str
    model_path: str
    operation_id: str | None
    created_at: str
    device: str
    """Where it was trained. Weights are equal bit for bit only on the same kind of device."""
    test_accuracy: float | None


class Links(BaseModel):
    """Where to look next; paths on the same service."""

    self: str
    events: str
    cancel: str
    result: str

    @classmethod
    def of(cls, operation_id: str) -> Links:
        """Return the links of one operation."""
        base = f"{PREFIX}/operations/{operation_id}"
        return cls(self=base, events=f"{base}/events", cancel=f"{base}/cancel", result=f"{base}/result")


class TrainingStarted(BaseModel):
    """Answer of `POST /trainings/start`."""

    success: bool
    operation_id: str
    status: str
    execution_mode: str
    environment: str
    reason: str
    fallback: bool
    message: str
    identical_model: IdenticalModel | None
    """What the same training has made before: this one is trained all the same."""
    links: Links

    @classmethod
    def of(cls, operation: Operation) -> TrainingStarted:
        """Return the answer for an operation that was entered, now or by an earlier request."""
        operation_id, execution, identical = operation.operation_id, operation.execution, operation.identical_model
        return cls(
            success=True,
            operation_id=operation_id,
            status=operation.status,
            execution_mode=execution.mode,
            environment=execution.environment,
            reason=execution.reason,
            fallback=execution.fallback,
            message=f"{operation.strategy_name} is {operation.status}. See `ktrdr operations follow {operation_id}`.",
            identical_model=None if identical is None else IdenticalModel(**identical),
            links=Links.of(operation_id),
        )


class TrainingReused(BaseModel):
    """Answer of `POST /trainings/start` to `reuse: if_identical` where there is such a model: nothing is trained."""

    success: bool = True
    operation_id: str | None
    """Of the training that made the model; this request made none."""
    status: Literal["completed"] = "completed"
    model_id: str
    model_path: str
    identical_model: IdenticalModel
    message: str

    @classmethod
    def of(cls, model: IdenticalModel) -> TrainingReused:
        """Return the answer that names a model."""
        return cls(
            operation_id=model.operation_id,
            model_id=model.model_id,
            model_path=model.model_path,
            identical_model=model,
            message=f"The same training has made {model.model_id}; nothing is trained. See `ktrdr models show "
            f"{model.model_id}`.",
        )


class TrainingConfig(BaseModel):
    """The default execution mode and where it comes from."""

    default_execution_mode: ExecutionMode
    source: Literal["built in", "environment", "api"]


class ConfigChange(BaseModel):
    """Answer of `PUT /trainings/config`."""

    previous: TrainingConfig
    current: TrainingConfig


class MigratedStrategy(BaseModel):
    """Answer of `POST /strategies/migrate`, and of `ktrdr strategies migrate --json`."""

    strategy: str
    """The rewritten file's text."""
    changes: list[str]
    left_behind: list[dict[str, Any]]
    """What could not be carried, with its place in the older file."""
    problems: list[dict[str, Any]]
    """What is still wrong with the rewritten file."""

    @classmethod
    def of(cls, migration: Migration) -> MigratedStrategy:
        """Return what became of the older file."""
        return cls(
            strategy=migration.text,
            changes=list(migration.changes),
            left_behind=[problem.as_dict() for problem in migration.left_behind],
            problems=[problem.as_dict() for problem in migration.problems],
        )


class NewStrategy(BaseModel):
    """Answer of `POST /strategies/new`: a text to begin from. Nothing is written."""

    name: str
    text: str


class ProblemDetails(BaseModel):
    """An error, by RFC 9457; `errors` has one entry for each thing that is wrong."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] = []
