"""The task of an attempt that was reopened: what has been trained is handed over from this node, nothing is trained."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

import ray

from actors.attempt_reports import Here, actor_named, heard, placed, stop_asked
from actors.names import MODEL_STORAGE
from actors.node_spool import NodeSpool
from actors.own_errors import own_errors
from actors.remote_storage import RemoteModelSaver
from actors.runners import Claim
from ktrdr.async_infrastructure import ThreadCancellationToken, raise_if_cancelled
from ktrdr.errors import CancellationError, ResultTransferError
from ktrdr.operations import KeptArtifact
from ktrdr.results import TrainingResult
from ktrdr.storage import Blob, view_of

log = logging.getLogger("ktrdr.transfer")


def transfer(claim: Claim) -> dict[str, Any]:
    """Hand the artifact of the claim over and return the result of its training, as the store has it.

    Raises
    ------
    CancellationError
        If the operation was cancelled before its commit began.
    UnknownArtifact, StorageError
        If the artifact is not here, is damaged, or the store cannot take it.
    """
    assert claim.artifact is not None  # an attempt is reopened for one
    # above the numbers of the lines that the attempt has logged before, also where that is not the first time
    with heard(claim, line_number=time.time_ns() // 1_000_000) as here:
        token = stop_asked(here, claim)
        placed(here, claim, None, token.is_cancelled)
        return transfer_of(here, claim, token).made(claim.artifact)


def transfer_of(here: Here, claim: Claim, token: ThreadCancellationToken) -> Transfer:
    """Return the hand-over of what an earlier process of the operation has trained and left on this node."""
    attempt, check = (claim.operation_id, claim.attempt), functools.partial(raise_if_cancelled, token)
    return Transfer(attempt, here.operations, actor_named(MODEL_STORAGE), here.spool, check=check)


class Transfer:
    """What an earlier process of an operation has trained, on its way from this node to the model store.

    Parameters
    ----------
    attempt
        The operation and the number of the attempt that hands over.
    operations, model_storage
        The actors' handles.
    spool
        Where it lies.
    get, put, sleep, check
        As in `RemoteModelSaver`.
    """

    def __init__(  # noqa: PLR0913 - what is injected
        self,
        attempt: tuple[str, int],
        operations: Any,
        model_storage: Any,
        spool: NodeSpool,
        get: Callable[[Any], Any] = ray.get,
        put: Callable[[Any], Any] = ray.put,
        sleep: Callable[[float], None] = time.sleep,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._attempt, self._operations, self._storage, self._spool = attempt, operations, model_storage, spool
        self._get, self._saver = get, RemoteModelSaver(model_storage, *attempt, spool, get, put, sleep, check=check)

    def made(self, artifact: KeptArtifact) -> dict[str, Any]:
        """Return the result of the training, handed over unless the store has it already; raises as `transfer`.

        A hand-over whose last answer was lost has let go of nothing and stored it all the same.
        """
        result = self._stored(artifact.sha256)
        if result is None:
            return self.of_packed(self._spool.take(artifact), artifact.sha256)
        log.info("It was stored before, as %s: nothing is handed over", result.model_id)
        if not self._get(self._operations.begin_commit.remote(*self._attempt)):
            raise CancellationError("The operation ended before its model was found in the store")
        self._spool.forget()
        return result.model_dump(mode="json")

    def of_packed(self, packed: Blob, sha256: str) -> dict[str, Any]:
        """Hand over what was taken from this node's spool; that lets go of it once the result is had."""
        log.info("Handing over what was trained before: %d bytes, sha256 %s", view_of(packed).nbytes, sha256[:12])
        version = self._saver.hand_over(packed, sha256)
        log.info("Stored as %s", version.model_id)
        result = self._stored(sha256)
        if result is None:
            advice = f"It was deleted at once. Train again: see `ktrdr operations show {self._attempt[0]}`."
            raise ResultTransferError(f"{version.model_id} was stored and is not there any more.", advice)
        self._spool.forget()
        return result.model_dump(mode="json")

    def _stored(self, sha256: str) -> TrainingResult | None:
        with own_errors():
            result: TrainingResult | None = self._get(self._storage.result_of.remote(self._attempt[0], sha256))
        return result
