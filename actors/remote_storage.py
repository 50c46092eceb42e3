"""The head's model store, as a training task hands its artifact over."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable
from typing import Any

import ray
import ray.exceptions as ray_errors
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from actors.own_errors import own_errors
from ktrdr.errors import ResultTransferError, StorageError
from ktrdr.storage import Encoding, ModelArtifact, ModelVersion, pack

log = logging.getLogger("ktrdr.transfer")

N_TRIES = 4
"""One and three more, after 1, 2 and 4 s."""


class RemoteModelSaver:
    """Packs, compresses and checksums an artifact, and hands it to the ModelStorageActor by reference.

    Parameters
    ----------
    model_storage
        The actor's handle.
    operation_id, attempt
        Whose model it is.
    get, put, sleep
        How Ray's objects are had and handed over, and how a pause is made.
    encoding
        How artifacts are compressed.
    """

    def __init__(  # noqa: PLR0913 - what is injected
        self,
        model_storage: Any,
        operation_id: str,
        attempt: int,
        get: Callable[[Any], Any] = ray.get,
        put: Callable[[Any], Any] = ray.put,
        sleep: Callable[[float], None] = time.sleep,
        encoding: Encoding = Encoding.GZIP,
    ) -> None:
        self._storage, self._operation_id, self._attempt = model_storage, operation_id, attempt
        self._get, self._put, self._sleep, self._encoding = get, put, sleep, encoding

    def save_model(self, artifact: ModelArtifact) -> ModelVersion:
        """Return the version that was committed.

        Raises
        ------
        CancellationError
            If the operation was cancelled before its commit began.
        ResultTransferError
            If the store could not take it after `N_TRIES` tries.
        """
        packed = pack(artifact, self._encoding)
        log.info(
            "Artifact: %d bytes, %d by %s, sha256 %s",
            packed.raw_size,
            packed.packed_size,
            packed.encoding,
            packed.sha256[:12],
        )
        blob = [self._put(packed.blob)]  # in a list: the actor fetches it itself, nobody between holds it
        n_tries = itertools.count(1)
        tries = Retrying(
            sleep=self._sleep,
            stop=stop_after_attempt(N_TRIES),
            wait=wait_exponential(multiplier=1, min=1, max=4),
            retry=retry_if_exception(_is_worth_another_try),
            before_sleep=_log_retry,
            reraise=True,
        )
        try:
            return tries(lambda: self._hand_over(packed.sha256, blob, next(n_tries)))
        except (StorageError, ray_errors.RayError) as error:
            raise ResultTransferError(
                f"The trained model could not be stored: {error}", "Correct the cause and train again."
            ) from error

    def _hand_over(self, sha256: str, blob: list[Any], n_tries: int) -> ModelVersion:
        answer = self._storage.save.remote(self._operation_id, self._attempt, sha256, blob, n_tries)
        with own_errors():
            version: ModelVersion = self._get(answer)
        return version


def _is_worth_another_try(error: BaseException) -> bool:
    return isinstance(error, StorageError | ray_errors.RayError)


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("Handing over the model, try %d of %d failed: %s", state.attempt_number, N_TRIES, error)
