from __future__ import annotations

import pytest
import ray.exceptions as ray_errors

from actors.outcome import as_ours, record_of
from ktrdr.errors import CancellationError, InfrastructureError, NoBars, TrainingError


def raised_in_a_task(error: Exception) -> ray_errors.RayTaskError:
    return ray_errors.RayTaskError("train", "Traceback ...", error).as_instanceof_cause()


def test_what_the_training_raised_comes_back_as_it_was() -> None:
    error = as_ours(raised_in_a_task(NoBars("SP500 1d", "2020", "1999 to 2018")))
    assert isinstance(error, NoBars)
    assert error.stored == "1999 to 2018"


def test_what_nobody_raised_on_purpose_is_a_defect_with_its_name() -> None:
    error = as_ours(raised_in_a_task(ZeroDivisionError("x")))
    assert isinstance(error, TrainingError)
    assert "ZeroDivisionError: x" in str(error)


@pytest.mark.parametrize(
    "error",
    [
        ray_errors.WorkerCrashedError(),
        ray_errors.NodeDiedError("gone"),
        ray_errors.OutOfMemoryError("too much"),
        ray_errors.ObjectLostError("00", None, ""),
        ray_errors.GetTimeoutError("late"),
        raised_in_a_task(ray_errors.ActorUnavailableError("away", None)),
    ],
)
def test_what_machines_do_is_infrastructure(error: ray_errors.RayError) -> None:
    assert isinstance(as_ours(error), InfrastructureError)


def test_a_task_stopped_by_force_was_cancelled() -> None:
    assert isinstance(as_ours(ray_errors.TaskCancelledError()), CancellationError)


def test_a_record_has_the_kind_the_problems_and_the_trace() -> None:
    record = record_of(NoBars("SP500 1d", "2020", "1999 to 2018"), "Traceback ...")
    assert (record.kind, record.traceback) == ("data", "Traceback ...")
    assert record.problems[0]["path"] == "start_date"
