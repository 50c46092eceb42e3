"""The head's model store, as a training task hands its artifact over."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import ray
import ray.exceptions as ray_errors
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from actors.node_spool import NodeSpool
from actors.outcome import as_ours, first_line
from actors.own_errors import own_errors
from ktrdr.errors import ResultTransferError, StorageError
from ktrdr.storage import Blob, Encoding, ModelArtifact, ModelVersion, pack, view_of

log = logging.getLogger("ktrdr.transfer")

N_TRIES = 4
"""One and three more, after 1, 2 and 4 s."""


class RemoteModelSaver:
    """Packs, compresses and checksums an artifact, and hands it to the ModelStorageActor by reference.

    It is kept on this node before it is handed over, and let go of once it is stored: neither a store that cannot take
    it nor a process that is killed on the way loses a trained model.

    Parameters
    ----------
    model_storage
        The actor's handle.
    operation_id, attempt
        Whose model it is.
    spool
        Where it is kept on this node.
    get, put, sleep
        How Ray's objects are had and handed over, and how a pause is made.
    encoding
        How artifacts are compressed.
    check
        Raises where the attempt is to stop: what was trained is kept by then, and not handed over.
    """

    def __init__(  # noqa: PLR0913 - what is injected
        self,
        model_storage: Any,
        operation_id: str,
        attempt: int,
        spool: NodeSpool,
        get: Callable[[Any], Any] = ray.get,
        put: Callable[[Any], Any] = ray.put,
        sleep: Callable[[float], None] = time.sleep,
        encoding: Encoding = Encoding.GZIP,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._storage, self._operation_id, self._attempt = model_storage, operation_id, attempt
        self._spool, self._get, self._put, self._sleep = spool, get, put, sleep
        self._encoding, self._check = encoding, check

    def save_model(self, artifact: ModelArtifact) -> ModelVersion:
        """Return the version that was committed.

        Raises
        ------
        CancellationError
            If the operation was cancelled before its commit began.
        ResultTransferError
            If the store could not take it after `N_TRIES` tries; it says where the artifact is kept.
        """
        packed = pack(artifact, self._encoding)
        log.info(
            "Artifact: %d bytes, %d by %s, sha256 %s",
            packed.raw_size,
            packed.packed_size,
            packed.encoding,
            packed.sha256[:12],
        )
        self._spool.keep(packed.blob, packed.sha256)
        version = self.hand_over(packed.blob, packed.sha256)
        self._spool.forget()
        return version

    def hand_over(self, packed: Blob, sha256: str) -> ModelVersion:
        """Return the version that was committed of what is packed already; raises as `save_model` does.

        What is kept stays kept.
        """
        self._check()  # not between the tries: one whose answer was lost may have been stored
        as_array = np.frombuffer(view_of(packed), np.uint8)  # of which whoever gets it has a view, no copy
        blob: list[Any] = []  # a list: the actor fetches what is in it itself, nobody between holds it
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
            return tries(lambda: self._try_once(sha256, as_array, blob, next(n_tries)))
        except (StorageError, ray_errors.RayError) as error:
            if self._spool.kept is None:  # there may be room by now
                self._spool.keep(packed, sha256)
            raise self._untaken(error) from error

    def _untaken(self, error: StorageError | ray_errors.RayError) -> ResultTransferError:
        cause = as_ours(error) if isinstance(error, ray_errors.RayTaskError) else error
        said = f"The trained model could not be stored: {first_line(cause).rstrip('.')}."
        kept = self._spool.kept
        if kept is None:
            advice = "Correct the cause, then go on from its checkpoint where there is one, or train again."
            return ResultTransferError(f"{said} It could not be kept on its node either: {self._spool.trouble}", advice)
        where = f"It is kept on node {kept.node[:8]} at {kept.address} as {kept.path}."
        again = f"ktrdr operations retry-transfer {self._operation_id}"
        advice = f"Correct the cause, then hand it over again with `{again}`: nothing is trained a second time."
        return ResultTransferError(f"{said} {where}", advice, kept.model_dump())

    def _try_once(self, sha256: str, packed: Any, blob: list[Any], n_tries: int) -> ModelVersion:
        if not blob:  # an object store without room is a try that failed, as a disk without is; then it is put once
            blob.append(self._put(packed))
        answer = self._storage.save.remote(self._operation_id, self._attempt, sha256, blob, n_tries)
        with own_errors():
            version: ModelVersion = self._get(answer)
        return version


def _is_worth_another_try(error: BaseException) -> bool:
    return isinstance(error, StorageError | ray_errors.RayError)


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("Handing over the model, try %d of %d failed: %s", state.attempt_number, N_TRIES, error)
