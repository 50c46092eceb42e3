from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import ray.exceptions as ray_errors

from actors.remote_checkpoints import RemoteCheckpointStore, ReportingStore
from ktrdr.errors import InfrastructureError, StorageError
from tests.fakes.checkpoints import MemoryCheckpoints
from tests.ktrdr.training.learning.resuming import attempt
from tests.ktrdr.training.small_training import config_of


class Method:
    def __init__(self, method: Callable[..., Any]) -> None:
        self.remote = lambda *given: lambda: method(*given)


class Head:
    """The actor as its handle shows it; an answer is had by calling what a call gave."""

    def __init__(self) -> None:
        self.kept: list[tuple[Any, ...]] = []
        self.save_checkpoint = Method(lambda *given: self.kept.append(given))
        self.latest_checkpoint = Method(lambda _: b"newest")
        self.clear_checkpoints = Method(lambda _: self.kept.clear())


def get_now(answer: Callable[[], Any], timeout: float | None) -> Any:
    return answer()


def store_over(head: Head, get: Callable[..., Any] = get_now) -> RemoteCheckpointStore:
    return RemoteCheckpointStore(head, "train-1", 2, get, put=lambda content: ("in the object store", content))


def test_a_state_goes_by_reference_with_its_attempt() -> None:
    head = Head()
    store = store_over(head)
    store.save(b"state")
    assert head.kept == [("train-1", 2, [("in the object store", b"state")])]
    assert store.latest() == b"newest"
    store.clear()
    assert head.kept == []


@pytest.mark.parametrize(
    ("raised", "ours"),
    [
        (ray_errors.RayTaskError("save_checkpoint", "a trace", StorageError("The disk is full.")), StorageError),
        (ray_errors.RayTaskError("save_checkpoint", "a trace", ZeroDivisionError()), InfrastructureError),
        (ray_errors.GetTimeoutError("slow"), InfrastructureError),
        (ray_errors.ActorDiedError(), InfrastructureError),
        (ray_errors.ActorUnavailableError("away", None), InfrastructureError),
    ],
)
def test_what_goes_wrong_is_one_of_our_errors_which_a_training_survives(
    raised: Exception, ours: type[Exception]
) -> None:
    def get(_answer: object, timeout: float | None) -> Any:
        raise raised

    store = store_over(Head(), get)
    for call in (lambda: store.save(b""), store.latest, store.clear):
        with pytest.raises(ours) as caught:
            call()
        assert type(caught.value) is ours


def test_saving_and_clearing_wait_a_bounded_time() -> None:
    waits: list[float | None] = []

    def get(answer: Callable[[], Any], timeout: float | None) -> Any:
        waits.append(timeout)
        return answer()

    store = store_over(Head(), get)
    store.save(b"")
    store.clear()
    assert all(wait is not None and wait <= 10 for wait in waits)


def test_a_state_is_given_with_its_epochs_reported_as_they_were_when_they_ended() -> None:
    reported: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    kept = MemoryCheckpoints()
    attempt(config_of(epochs=5), kept, progress_callback=lambda _epoch, _total, news: told.append(news))
    after_3 = kept.states[2]
    assert ReportingStore(MemoryCheckpoints([after_3]), reported.append, total_epochs=5).latest() == after_3
    assert reported == [news for news in told if news["progress_type"] == "epoch"][:3]
    assert len(reported) == 3


def test_without_a_state_nothing_is_reported() -> None:
    reported: list[dict[str, Any]] = []
    assert ReportingStore(MemoryCheckpoints(), reported.append, total_epochs=6).latest() is None
    assert reported == []
