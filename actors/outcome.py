"""How an attempt ended, read from what Ray raised: the training's own error, a cancel, or infrastructure."""

from __future__ import annotations

import ray.exceptions as ray_errors

from ktrdr.errors import CancellationError, InfrastructureError, KtrdrError, ResultTransferError, TrainingError
from ktrdr.operations import KeptArtifact, OperationError

_MACHINE = (
    ray_errors.WorkerCrashedError,
    ray_errors.NodeDiedError,
    ray_errors.OutOfMemoryError,
    ray_errors.RayActorError,
    ray_errors.ObjectLostError,
    ray_errors.RaySystemError,
    ray_errors.LocalRayletDiedError,
)


def as_ours(error: ray_errors.RayError) -> KtrdrError:
    """Return `error` as one of our tree; whatever is unknown is a defect of the training code and shows its name."""
    if isinstance(error, ray_errors.RayTaskError):
        cause = error.cause
        if isinstance(cause, KtrdrError):
            return cause
        if isinstance(cause, ray_errors.RayError):
            return as_ours(cause)
        return defect(cause)
    if isinstance(error, ray_errors.TaskCancelledError):
        return CancellationError("The training was stopped by force")
    if isinstance(error, _MACHINE):
        return InfrastructureError(f"The training's process or node went away ({type(error).__name__}).")
    return InfrastructureError(f"The cluster reported {type(error).__name__}: {first_line(error)}")


def defect(error: BaseException) -> TrainingError:
    """Return an error that nobody raised on purpose as one that says so."""
    return TrainingError(
        f"{type(error).__name__}: {error}", "This is a defect: the operation's record has the traceback."
    )


def record_of(error: KtrdrError, traceback: str | None = None) -> OperationError:
    """Return `error` as an operation records it."""
    return OperationError(
        kind=error.kind,
        message=str(error),
        problems=[problem.as_dict() for problem in error.problems],
        traceback=traceback,
    )


def artifact_of(error: KtrdrError) -> KeptArtifact | None:
    """Return where what was trained is kept, if a hand-over that failed says it."""
    if not isinstance(error, ResultTransferError) or error.artifact is None:
        return None
    return KeptArtifact.model_validate(error.artifact)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return (str(error).splitlines() or [type(error).__name__])[0]
