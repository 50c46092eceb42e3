"""The task of an attempt that was reopened: what has been trained is handed over from this node, nothing is trained."""

from __future__ import annotations

import logging
import time
from typing import Any

import ray

from actors.attempt_reports import Here, actor_named, heard, placed
from actors.names import MODEL_STORAGE
from actors.own_errors import own_errors
from actors.remote_storage import RemoteModelSaver
from actors.runners import Claim
from ktrdr.errors import ResultTransferError
from ktrdr.results import TrainingResult

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
        placed(here, claim, device=None)
        return hand_over(here, claim, here.spool.take(claim.artifact), claim.artifact.sha256)


def hand_over(here: Here, claim: Claim, packed: bytes, sha256: str) -> dict[str, Any]:
    """Hand over what was taken from this node's spool; raises as `transfer` does."""
    model_storage = actor_named(MODEL_STORAGE)
    saver = RemoteModelSaver(model_storage, claim.operation_id, claim.attempt, here.spool)
    log.info("Handing over what was trained before: %d bytes, sha256 %s", len(packed), sha256[:12])
    version = saver.hand_over(packed, sha256)
    log.info("Stored as %s", version.model_id)
    with own_errors():
        result: TrainingResult | None = ray.get(model_storage.result_of.remote(claim.operation_id))
    if result is None:
        advice = f"It was deleted at once. Train again: see `ktrdr operations show {claim.operation_id}`."
        raise ResultTransferError(f"{version.model_id} was stored and is not there any more.", advice)
    return result.model_dump(mode="json")
