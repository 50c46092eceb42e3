"""The sentences of `status_reason`: what is, why, and the next step with the operation's id filled in."""

from __future__ import annotations

from ktrdr.operations.operation import Operation, OperationError


def claimed(operation: Operation) -> str:
    """An attempt begins."""
    return f"{_attempt(operation)} is starting in environment {operation.execution.environment}. {_follow(operation)}"


def placed(operation: Operation) -> str:
    """The attempt is on a node."""
    if operation.transferring:
        return handing_over(operation)
    execution = operation.execution
    where = f"node {str(execution.node)[:8]} ({execution.device})"
    return f"Running on {where}, {_attempt(operation).lower()}. {_follow(operation)}"


def unreachable(operation: Operation, silent_s: float, patience_s: float) -> str:
    """Nothing is heard of the attempt."""
    where = f"on node {str(operation.execution.node)[:8]} of {operation.execution.environment}"
    if operation.transferring:
        return (
            f"Unreachable: no word for {silent_s:.0f} s of the hand-over {where}. After {patience_s:.0f} s without "
            f"word it is given up; the artifact stays where it is."
        )
    return (
        f"Unreachable: no word for {silent_s:.0f} s of {_attempt(operation).lower()} {where}. It may still train. "
        f"After {patience_s:.0f} s without word it is given up, and the next attempt {_begins(operation)}"
    )


def committing(operation: Operation) -> str:
    """The model is being saved."""
    return "Training is done and its model is being saved; it can no longer be cancelled."


def completed(operation: Operation) -> str:
    """The model is saved."""
    return f"Completed. {_show(operation)}"


def handing_over(operation: Operation) -> str:
    """The attempt was reopened, to hand over what it has trained."""
    where = f" from node {operation.artifact.node[:8]}" if operation.artifact else ""
    return f"Its trained model is handed over again{where}; nothing is trained. {_follow(operation)}"


def failed(operation: Operation, error: OperationError) -> str:
    """The attempt failed by itself."""
    following = _hand_over(operation) or _resume(operation) or _show(operation)
    return f"Failed: {_sentence(error.message)} {following}"


def used_up(operation: Operation, reason: str) -> str:
    """Infrastructure ended the last attempt there was."""
    return (
        f"Failed: attempt {operation.attempt} of {operation.max_attempts} was lost, and it was the last one: "
        f"{_sentence(reason)} {_hand_over(operation) or _resume(operation) or _retrain(operation)}"
    )


def requeued(operation: Operation, reason: str) -> str:
    """Infrastructure ended an attempt, and another follows."""
    return f"{_attempt(operation)} was lost: {_sentence(reason)} The next one {_begins(operation)}"


def suspended(operation: Operation, reason: str) -> str:
    """An attempt was stopped for the service's sake, and another follows."""
    return f"Suspended: {_sentence(reason)} It {_begins(operation)}"


def resumed(operation: Operation) -> str:
    """A user wants an operation that has ended to go on."""
    return f"Resumed: it {_begins(operation)} {_follow(operation)}"


def cancelling(operation: Operation, reason: str) -> str:
    """A running attempt was asked to stop."""
    return f"Stopping: {_sentence(reason)} {_follow(operation)}"


def cancelled(operation: Operation, reason: str) -> str:
    """It stopped because it was asked to."""
    when = " before it started" if operation.attempt == 0 else ""
    return f"Cancelled{when}: {_sentence(reason)} {_resume(operation) or _retrain(operation)}"


def cancelled_after(operation: Operation, asked: str, message: str) -> str:
    """It was asked to stop, and ended otherwise before it could acknowledge that."""
    return f"{cancelled(operation, asked)} While stopping: {_sentence(message)}"


def expired(operation: Operation, message: str) -> str:
    """It waited longer than it was to."""
    return f"Failed before it started: {_sentence(message)} {_retrain(operation)}"


def _begins(operation: Operation) -> str:
    how = "goes on from its checkpoint" if operation.has_checkpoint else "begins anew"
    return f"{how} by itself when a slot is free."


def _hand_over(operation: Operation) -> str:
    if operation.artifact is None:
        return ""
    return f"Hand its trained model over again with `ktrdr operations retry-transfer {operation.operation_id}`."


def _resume(operation: Operation) -> str:
    if not operation.has_checkpoint:
        return ""
    return f"Go on from its checkpoint with `ktrdr operations resume {operation.operation_id}`."


def _retrain(operation: Operation) -> str:
    return f"Train again with `ktrdr models train {operation.strategy_name}`."


def _attempt(operation: Operation) -> str:
    return f"Attempt {operation.attempt} of {operation.max_attempts}"


def _sentence(text: str) -> str:
    line = " ".join(text.split())
    return line if line.endswith((".", "!", "?")) else f"{line}."


def _show(operation: Operation) -> str:
    return f"See it with `ktrdr operations show {operation.operation_id}`."


def _follow(operation: Operation) -> str:
    return f"Follow it with `ktrdr operations follow {operation.operation_id}`."
