"""The training task: what runs on the chosen node, around the executor that knows nothing of it."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

import ray
import ray.exceptions as ray_errors

from actors.cancellation import follow_cancel
from actors.names import BARS, MODEL_STORAGE, NAMESPACE, OPERATIONS
from actors.remote_bars import RemoteBarSource
from actors.remote_checkpoints import RemoteCheckpointStore, ReportingStore
from actors.remote_storage import RemoteModelSaver
from actors.reporting import RETRY_S, Reporter
from actors.runners import Claim
from actors.task_log import log_to
from ktrdr.async_infrastructure import GenericProgressManager, ThreadCancellationToken
from ktrdr.data import DataManager
from ktrdr.strategy import load_strategy
from ktrdr.training import TrainingExecutor
from ktrdr.training.device import resolve_device

log = logging.getLogger("ktrdr.task")

_CALL_TIMEOUT_S = 10.0
TRANSIENT = (ray_errors.RayError,)
"""The actor is away, or in trouble such as a full disk: it restarts by itself, and what was not taken is sent again."""


def train(claim: Claim) -> dict[str, Any]:
    """Make one attempt at an operation and return its result.

    Raises
    ------
    CancellationError
        If it was cancelled and has stopped.
    KtrdrError
        What the training raised.
    """
    actor = functools.partial(ray.get_actor, namespace=NAMESPACE)
    operations, model_storage = actor(OPERATIONS), actor(MODEL_STORAGE)
    attempt = (claim.operation_id, claim.attempt)
    device = resolve_device(None, claim.require_gpu)
    node = ray.get_runtime_context().get_node_id()

    reporter = Reporter(
        lambda *news: ray.get(operations.report.remote(*attempt, *news), timeout=_CALL_TIMEOUT_S), TRANSIENT
    )
    token = ThreadCancellationToken()
    # No deadline on the call itself: the poll's own timeout ends it, and a dead actor raises.
    follow_cancel(lambda timeout_s: ray.get(operations.wait_for_cancel.remote(*attempt, timeout_s)), token, TRANSIENT)
    progress = GenericProgressManager(claim.operation_id, attempt=claim.attempt, callback=reporter.progress)

    def on_epoch_or_batch(epoch: int, total_epochs: int, metrics: dict[str, Any]) -> None:
        progress.training_callback(epoch, total_epochs, metrics)
        if metrics["progress_type"] == "epoch":
            reporter.epoch(metrics)

    with log_to(reporter.line, operation_id=claim.operation_id, attempt=claim.attempt):
        try:
            _insist(lambda: ray.get(operations.placed.remote(*attempt, node, str(device))), token)
            log.info("Attempt %d runs on node %s (%s), device %s", claim.attempt, node[:8], claim.environment, device)
            strategy = load_strategy(claim.strategy)
            store = RemoteCheckpointStore(model_storage, *attempt)
            executor = TrainingExecutor(
                strategy,
                data=DataManager(RemoteBarSource(actor(BARS))),
                model_storage=RemoteModelSaver(model_storage, *attempt, encoding=claim.artifact_encoding),
                progress=progress,
                progress_callback=on_epoch_or_batch,
                cancellation_token=token,
                checkpoints=ReportingStore(store, reporter.epoch, strategy.training.epochs),
                device=str(device),
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
        except Exception as error:  # the task's top: the operation's log keeps the trace, the caller gets the error
            log.info("Attempt %d ended: %s", claim.attempt, error, exc_info=True)
            raise
        finally:
            reporter.close()


def _insist(call: Callable[[], object], token: ThreadCancellationToken) -> None:
    """Make `call` until it comes through, or the training is to stop."""
    while not token.is_cancelled():
        try:
            call()
        except TRANSIENT as error:
            log.warning("Where this attempt runs could not be told: %s", type(error).__name__)
            time.sleep(RETRY_S)
        else:
            return
