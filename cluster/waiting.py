"""Why a pending operation is pending, and what happens next, in a sentence."""

from __future__ import annotations

from cluster.view import ClusterView


def pending_reason(  # noqa: PLR0913 - what the sentence is made of
    environment: str, require_gpu: bool, ahead: int, view: ClusterView, n_busy: int, is_configured: bool = True
) -> str:
    """Return the reason.

    Parameters
    ----------
    environment, require_gpu
        What the operation needs.
    ahead
        Operations of the same environment before it.
    view
        What is alive.
    n_busy
        Slots of the environment that are taken.
    is_configured
        Whether the service still has such an environment.
    """
    queue = f"{ahead} operation{'' if ahead == 1 else 's'} ahead"
    if not is_configured:
        return (
            f"Needs environment {environment}, which is not configured any more; {queue}. "
            "Put it back into the environments file and start the service again, or cancel this one."
        )
    n_carriers, n_able = len(view.of(environment)), len(view.of(environment, require_gpu=require_gpu))
    if not n_able:
        carry = "carries" if n_carriers == 1 else "carry"
        found = f"{n_carriers} of {len(view.nodes)} nodes {carry} it"
        gpu = " with a GPU" if require_gpu else ""
        blind = ", none with a GPU" if require_gpu and n_carriers else ""
        return f"Needs environment {environment}{gpu}; {found}{blind}: it starts when such a node joins."
    if n_busy < view.slots(environment):
        taken = f"{n_busy} of {view.slots(environment)} slots of {environment} taken"
        return f"{taken}; {queue}: it starts once its dispatcher finds one free."
    nodes = f"{n_carriers} of {n_carriers} {environment} nodes busy"
    return f"{nodes}; {queue}: it starts when a slot is free."
