"""An operation as clients see it: its record, and what is known of it at this moment."""

from __future__ import annotations

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
    progress: dict[str, Any] | None
    resumable: bool

    @classmethod
    def of(cls, operation: Operation, progress: dict[str, Any] | None) -> OperationSummary:
        """Return the line for `operation`."""
        record = operation.model_dump(mode="json", include=set(cls.model_fields))
        return cls.model_validate({**record, "progress": progress})


class OperationView(OperationSummary):
    """Answer of `GET /operations/{id}`: the summary, what was asked, and what came of it."""

    request: dict[str, Any]
    """What was asked, with what was left open settled: the strategy that is trained, symbols, dates."""
    queue: Queue | None
    metrics: dict[str, Any] | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None

    @classmethod
    def of(cls, operation: Operation, progress: dict[str, Any] | None, **now: Any) -> OperationView:
        """Return the view of `operation`; `now` gives queue, metrics and, where it is newer, status_reason."""
        record = operation.model_dump(mode="json", include=set(cls.model_fields))
        return cls.model_validate({"queue": None, "metrics": None, **record, **now, "progress": progress})
