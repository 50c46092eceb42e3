from __future__ import annotations

import pickle
from datetime import datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from ktrdr.errors import TransitionRefused
from ktrdr.operations import ACTIVE, TERMINAL, TRANSITIONS, Operation, OperationError, OperationStatus, utc_text
from tests.ktrdr.operations.builders import Clock, pending

ALLOWED = {
    ("pending", "running"), ("pending", "cancelled"), ("pending", "failed"), ("running", "cancelling"),
    ("running", "completed"), ("running", "failed"), ("running", "pending"), ("cancelling", "cancelled"),
    ("failed", "pending"), ("cancelled", "pending"), ("failed", "running"),
}  # fmt: skip


@pytest.mark.parametrize("origin", OperationStatus)
@pytest.mark.parametrize("to", OperationStatus)
def test_only_the_transitions_of_the_design_are_made(origin: OperationStatus, to: OperationStatus) -> None:
    operation = pending(status=origin)
    if (origin.value, to.value) in ALLOWED:
        assert operation.moved(to, Clock()()).status is to
        return
    with pytest.raises(TransitionRefused) as refused:
        operation.moved(to, Clock()())
    assert (refused.value.operation_id, refused.value.status, refused.value.asked) == ("train-1", origin, to)


def test_an_operation_that_has_ended_is_terminal() -> None:
    assert {"completed", "failed", "cancelled"} == TERMINAL
    assert set(TRANSITIONS) - TERMINAL == ACTIVE
    assert pending(status="failed").is_terminal and not pending().is_terminal


def test_times_are_the_first_start_and_the_end() -> None:
    clock = Clock()
    running = pending().moved(OperationStatus.RUNNING, clock())
    assert running.started_at == "2025-01-31T09:30:00.000Z" and running.completed_at is None
    clock.advance(seconds=1.5)
    again = running.moved(OperationStatus.PENDING, clock()).moved(OperationStatus.RUNNING, clock())
    assert again.started_at == running.started_at
    ended = again.moved(OperationStatus.COMPLETED, clock())
    assert ended.completed_at == "2025-01-31T09:30:01.500Z"


def test_no_other_status_carries_a_commit_on() -> None:
    committing = pending(status="running", committing=True)
    assert not committing.moved(OperationStatus.PENDING, Clock()()).committing


def test_a_change_to_a_field_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValidationError):
        pending().moved(OperationStatus.RUNNING, Clock()(), attemt=1)


def test_an_operation_is_the_same_after_json_and_after_pickling() -> None:
    error = OperationError(kind="data", message="no bars", problems=[{"path": "start_date"}], step=1, traceback="...")
    operation = pending(status="failed", error=error, attempt=2, owner="d-1")
    assert Operation.model_validate_json(operation.model_dump_json()) == operation
    assert pickle.loads(pickle.dumps(operation)) == operation


def test_times_are_written_in_utc_with_milliseconds() -> None:
    noon_in_berlin = datetime(2025, 7, 1, 12, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=2)))
    assert utc_text(noon_in_berlin) == "2025-07-01T10:00:00.123Z"
    with pytest.raises(ValueError, match="no time zone"):
        utc_text(noon_in_berlin.replace(tzinfo=None))
