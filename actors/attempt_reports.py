"""How the process of an attempt is heard: where it runs, that it lives, and every line that it logs."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray
import ray.exceptions as ray_errors

from actors.cancellation import follow_cancel
from actors.names import NAMESPACE, OPERATIONS
from actors.node_spool import NodeSpool, spool_of_node
from actors.reporting import RETRY_S, Reporter
from actors.runners import Claim
from actors.task_log import log_to
from cluster.node_table import OwnNode, own_node
from ktrdr.async_infrastructure import ThreadCancellationToken

log = logging.getLogger("ktrdr.task")

CALL_TIMEOUT_S = 10.0
TRANSIENT = (ray_errors.RayError,)
"""The actor is away, or in trouble such as a full disk: it restarts by itself, and what was not taken is sent again."""

actor_named = functools.partial(ray.get_actor, namespace=NAMESPACE)


@dataclass(frozen=True)
class Here:
    """An attempt in its process."""

    operations: Any
    """The OperationsActor's handle."""
    reporter: Reporter
    node: OwnNode
    spool: NodeSpool


@contextmanager
def heard(claim: Claim, line_number: int = 1) -> Iterator[Here]:
    """Report the attempt while the block runs. An error that leaves it is in the operation's log.

    `line_number`: of the first line that is logged. One that is not above those the attempt has logged before is taken
    for a line that was sent twice.
    """
    operations, attempt = actor_named(OPERATIONS), (claim.operation_id, claim.attempt)
    node = own_node()

    def tell(method: str, *told: Any) -> Any:
        return ray.get(getattr(operations, method).remote(*attempt, *told), timeout=CALL_TIMEOUT_S)

    spool = NodeSpool(spool_of_node(), claim.operation_id, node, functools.partial(tell, "artifact_kept"))
    reporter = Reporter(functools.partial(tell, "report"), TRANSIENT, line_number)
    with log_to(reporter.line, operation_id=claim.operation_id, attempt=claim.attempt):
        try:
            yield Here(operations, reporter, node, spool)
        except Exception as error:  # the task's top: the operation's log keeps the trace, the caller gets the error
            log.info("Attempt %d ended: %s", claim.attempt, error, exc_info=True)
            raise
        finally:
            reporter.close()


def placed(here: Here, claim: Claim, device: str | None, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Tell where the attempt runs until it is heard, or the attempt is to stop."""
    attempt = (claim.operation_id, claim.attempt)
    while not is_stopping():
        try:
            ray.get(here.operations.placed.remote(*attempt, here.node.node_id, device))
        except TRANSIENT as error:
            log.warning("Where this attempt runs could not be told: %s", type(error).__name__)
            time.sleep(RETRY_S)
        else:
            return


def stop_asked(here: Here, claim: Claim) -> ThreadCancellationToken:
    """Return a token that is cancelled when the attempt is to stop."""
    token = ThreadCancellationToken()
    attempt, poll = (claim.operation_id, claim.attempt), here.operations.wait_for_cancel
    # No deadline on the call itself: the poll's own timeout ends it, and a dead actor raises.
    follow_cancel(lambda timeout_s: ray.get(poll.remote(*attempt, timeout_s)), token, TRANSIENT)
    return token
