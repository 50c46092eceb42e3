"""What becomes of a training that waits for its first attempt, whenever the cluster has changed or time has passed."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.selector import ExecutionModeSelector, ModeRequest, Placement
from cluster.view import ClusterView
from ktrdr.errors import ExecutionModeError, RequestError


@dataclass(frozen=True)
class Waiting:
    """A training that waits in the queue of `environment`; `wait_for_node_s` is None where it was not asked for."""

    request: ModeRequest
    environment: str
    waited_s: float
    wait_for_node_s: float | None


@dataclass(frozen=True)
class Expired:
    """It has waited longer than it was to: why, in a sentence."""

    message: str


def reconsider(waiting: Waiting, selector: ExecutionModeSelector, view: ClusterView) -> Placement | Expired | None:
    """Return where it goes instead, or that its time is over, or None where it goes on waiting where it is.

    Busy is not absent: while a node that could take it is there, only the queue's own limit ends the wait. A training
    that was to wait for a node is sent to another environment that the table gives it, but falls back to one that was
    not asked for only at the end of its time. An environment that is configured no more is left where it has no node.
    """
    limits = selector.environments.limits_of(waiting.environment)
    if limits.max_queue_s is not None and waiting.waited_s >= limits.max_queue_s:
        longest = f"the longest is {limits.max_queue_s:g} s (max_queue_s of that environment)"
        return Expired(f"It waited {waiting.waited_s:.0f} s for a slot of {limits.name}, where {longest}.")
    is_configured = waiting.environment in selector.environments.names
    if _is_there(waiting, view) or (is_configured and waiting.wait_for_node_s is None):
        return None
    is_over = waiting.wait_for_node_s is not None and waiting.waited_s >= waiting.wait_for_node_s
    try:
        placement = selector.select(waiting.request, view)
    except (ExecutionModeError, RequestError) as error:  # its mode may be configured no more
        return Expired(f"{error} It waited {waiting.waited_s:.0f} s for one.") if is_over else None
    return placement if is_over or not is_configured or not placement.fallback else None


def _is_there(waiting: Waiting, view: ClusterView) -> bool:
    return bool(view.of(waiting.environment, require_gpu=waiting.request.require_gpu))
