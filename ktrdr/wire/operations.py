"""An operation as clients see it: its record, and what is known of it at this moment."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from ktrdr.operations import Operation

ItemT = TypeVar("ItemT")


class Page(BaseModel, Generic[ItemT]):
    """One page of a listing, newest first."""

    items: list[ItemT]
    total_count: int
    next_cursor: str | None = None


class Queue(BaseModel):
    """Where a pending operation stands: `position` from 1, `ahead` operations before it."""

    position: int
    ahead: int


class OperationSummary(BaseModel):
    """One operation in a listing."""

    model_config = ConfigDict(frozen=True)

    operation_id: str
    operation_type: str
    status: str
    status_reason: str
    strategy_name: str
    created_at: str
    started_at: str | None
    completed_at: str | None
    attempt: int
    max_attempts: int
    parent_operation_id: str | None
    execution: dict[str, Any]
    unreachable_since: str | None
    """The last word of an attempt of which none has come since for longer than its lease."""
    ran_s: float
    """For how long attempts at it were under way, together."""
    cost: float | None
    """Of that time; None where its environment has no price."""
    progress: dict[str, Any] | None
    resumable: bool

    @classmethod
    def of(cls, operation: Operation, progress: dict[str, Any] | None, now: datetime, **known: Any) -> OperationSummary:
        """Return the line for `operation` at a moment; `known` gives status_reason where it is newer."""
        return cls.model_validate({**_at(operation, cls, now), **known, "progress": progress})


class OperationView(OperationSummary):
    """Answer of `GET /operations/{id}`: the summary, what was asked, and what came of it."""

    request: dict[str, Any]
    """What was asked, with what was left open settled: the strategy that is trained, symbols, dates."""
    queue: Queue | None
    metrics: dict[str, Any] | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    artifact: dict[str, Any] | None
    """What has been trained and is not stored yet: `node, address, path, sha256, size`."""

    @classmethod
    def of(cls, operation: Operation, progress: dict[str, Any] | None, now: datetime, **known: Any) -> OperationView:
        """Return the view of `operation`; `known` gives queue, metrics and, where it is newer, status_reason."""
        record = _at(operation, cls, now)
        return cls.model_validate({"queue": None, "metrics": None, **record, **known, "progress": progress})


def _at(operation: Operation, model: type[BaseModel], now: datetime) -> dict[str, Any]:
    """Return the fields that `model` takes over from the record, as they are at a moment."""
    record = operation.model_dump(mode="json", include=set(model.model_fields))
    return {**record, "ran_s": operation.ran_until_s(now), "cost": operation.cost(now)}
