"""The training task: what runs on the chosen node, around the executor that knows nothing of it."""

from __future__ import annotations

import functools
import logging
import os
from typing import Any

from actors.attempt_reports import Here, actor_named, heard, placed, stop_asked
from actors.names import BARS, MODEL_STORAGE
from actors.remote_bars import RemoteBarSource
from actors.remote_checkpoints import RemoteCheckpointStore, ReportingStore
from actors.remote_storage import RemoteModelSaver
from actors.runners import Claim
from actors.transfer_task import transfer_of
from ktrdr.async_infrastructure import GenericProgressManager, ThreadCancellationToken, raise_if_cancelled
from ktrdr.data import DataManager
from ktrdr.errors import StorageError, UnknownArtifact
from ktrdr.strategy import load_strategy
from ktrdr.training import TrainingExecutor
from ktrdr.training.device import resolve_device

log = logging.getLogger("ktrdr.task")

NICENESS = 5
"""Of the thread that trains, and of those that compute for it: what answers gets three times its share of a busy core.

At 15 a training that was to stop got so little that it took half a second to notice.
"""


def train(claim: Claim) -> dict[str, Any]:
    """Make one attempt at an operation and return its result.

    Raises
    ------
    CancellationError
        If it was cancelled and has stopped.
    KtrdrError
        What the training raised.
    """
    device = resolve_device(None, claim.require_gpu)
    with heard(claim) as here:
        token = stop_asked(here, claim)
        step_back()
        placed(here, claim, str(device), token.is_cancelled)
        where = (claim.attempt, here.node.node_id[:8], claim.environment, device)
        log.info("Attempt %d runs on node %s (%s), device %s", *where)
        return _handed_over(here, claim, token) or _trained(here, claim, str(device), token)


def step_back() -> None:
    """Let what this thread computes come after what answers users, and after the process's own side threads.

    On Linux the niceness is the thread's, and that of threads it starts from here on: those that report and that hear
    of a cancel are there before. Elsewhere it is the process's.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))


def _handed_over(here: Here, claim: Claim, token: ThreadCancellationToken) -> dict[str, Any] | None:
    """Return the result of what an earlier attempt has trained and left in this node's spool, else None."""
    if claim.artifact is None:
        return None
    try:
        packed = here.spool.take(claim.artifact)
    except (UnknownArtifact, StorageError) as error:
        log.warning("What an earlier attempt has trained is not to be had here: it is trained again. %s", error)
        return None
    return transfer_of(here, claim, token).of_packed(packed, claim.artifact.sha256)


def _trained(here: Here, claim: Claim, device: str, token: ThreadCancellationToken) -> dict[str, Any]:
    attempt, reporter = (claim.operation_id, claim.attempt), here.reporter
    model_storage = actor_named(MODEL_STORAGE)
    progress = GenericProgressManager(claim.operation_id, attempt=claim.attempt, callback=reporter.progress)

    def on_epoch_or_batch(epoch: int, total_epochs: int, metrics: dict[str, Any]) -> None:
        progress.training_callback(epoch, total_epochs, metrics)
        if metrics["progress_type"] == "epoch":
            reporter.epoch(metrics)

    strategy = load_strategy(claim.strategy)
    store = RemoteCheckpointStore(model_storage, *attempt)
    check = functools.partial(raise_if_cancelled, token)
    saver = RemoteModelSaver(model_storage, *attempt, here.spool, encoding=claim.artifact_encoding, check=check)
    executor = TrainingExecutor(
        strategy,
        data=DataManager(RemoteBarSource(actor_named(BARS))),
        model_storage=saver,
        progress=progress,
        progress_callback=on_epoch_or_batch,
        cancellation_token=token,
        checkpoints=ReportingStore(store, reporter.epoch, strategy.training.epochs),
        device=device,
        checkpoint_policy=claim.checkpoint_policy,
    )
    return executor.execute(
        list(claim.symbols),
        list(claim.timeframes),
        claim.start_date,
        claim.end_date,
        claim.validation_split,
        seed=claim.seed,
        require_gpu=claim.require_gpu,
        run_name=claim.run_name,
    )
