"""The head's checkpoints, as a training task keeps and finds its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ray
import ray.exceptions as ray_errors

from actors.own_errors import own_errors
from ktrdr.errors import InfrastructureError
from ktrdr.training import CheckpointStore
from ktrdr.training.learning.checkpoint import epochs_in

SAVE_TIMEOUT_S = 10.0
"""A training does not wait longer for a state to be kept: it goes on, and the next one is tried when that is due."""


class RemoteCheckpointStore:
    """A `CheckpointStore` over the ModelStorageActor: states of one attempt in, the operation's newest out.

    Parameters
    ----------
    model_storage
        The actor's handle.
    operation_id, attempt
        Whose states they are.
    get, put
        How Ray's objects are had and handed over.
    """

    def __init__(
        self,
        model_storage: Any,
        operation_id: str,
        attempt: int,
        get: Callable[..., Any] = ray.get,
        put: Callable[[Any], Any] = ray.put,
    ) -> None:
        self._storage, self._operation_id, self._attempt = model_storage, operation_id, attempt
        self._get, self._put = get, put

    def save(self, content: bytes) -> None:
        """Keep the newest state, on the head's disk when this returns.

        The bytes go through the object store, by reference: no call carries them.

        Raises
        ------
        StorageError
            If it could not be written, or this attempt has ended.
        InfrastructureError
            If the head did not answer in time.
        """
        blob = [self._put(content)]  # in a list: the actor fetches it itself
        self._answer(self._storage.save_checkpoint.remote(self._operation_id, self._attempt, blob), SAVE_TIMEOUT_S)

    def latest(self) -> bytes | None:
        """Return the operation's newest whole state, of whichever attempt; None where there is none.

        Raises
        ------
        StorageError, InfrastructureError
            If it is not known whether there is one.
        """
        content: bytes | None = self._answer(self._storage.latest_checkpoint.remote(self._operation_id))
        return content

    def clear(self) -> None:
        """Forget the operation's states.

        Raises
        ------
        StorageError, InfrastructureError
            If some are left.
        """
        self._answer(self._storage.clear_checkpoints.remote(self._operation_id), SAVE_TIMEOUT_S)

    def _answer(self, answer: Any, timeout_s: float | None = None) -> Any:
        try:
            with own_errors():
                return self._get(answer, timeout=timeout_s)
        except ray_errors.RayError as error:  # GetTimeoutError is one
            raise _unreached(error) from error


class ReportingStore:
    """A `CheckpointStore` that reports the epochs of the state it gives: an attempt's history is whole in itself.

    The attempt before may have ended between an epoch's checkpoint and its report.

    Parameters
    ----------
    store
        Where the states are.
    report
        Takes one finished epoch, as a `progress_callback` does.
    total_epochs
        Of the whole training.
    """

    def __init__(self, store: CheckpointStore, report: Callable[[dict[str, Any]], None], total_epochs: int) -> None:
        self._store, self._report, self._total_epochs = store, report, total_epochs

    def save(self, content: bytes) -> None:
        """Keep the newest state."""
        self._store.save(content)

    def latest(self) -> bytes | None:
        """Return the newest whole state, its epochs reported; None where there is none."""
        content = self._store.latest()
        for epoch in epochs_in(content, self._total_epochs) if content is not None else ():
            self._report(epoch)
        return content

    def clear(self) -> None:
        """Forget all states."""
        self._store.clear()


def _unreached(error: BaseException) -> InfrastructureError:
    return InfrastructureError(f"The head did not take or give a checkpoint ({type(error).__name__}).")
