"""The transport for nodes that join Ray: one remote task for each attempt, on the labels of its environment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import ray
import ray.exceptions as ray_errors
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.outcome import first_line
from actors.runners.port import Claim
from cluster.environments import SLOT_RESOURCE, label_selector
from cluster.view import ClusterView, NodeView
from ktrdr.errors import NotStarted
from ktrdr.results import TrainingResult

log = logging.getLogger("ktrdr.runner")

NODE_LABEL = "ray.io/node-id"
"""Ray's own, on every node."""
LOOK_EVERY_S = 2.0
LET_GO_S = 10.0
"""A node that is cut off never answers."""
GONE_S = 20.0
"""Longer than a node that stops waits for its trainings: until then they end by themselves."""


class RayTaskRunner:
    """Submits an attempt as a task named by its operation id, with a hard label selector and no retries of Ray's own.

    Parameters
    ----------
    view
        What is alive: decides whether the task asks for a GPU.
    """

    def __init__(self, view: Callable[[], ClusterView]) -> None:
        self._train, self._transfer = ray.remote(_train_on_node), ray.remote(_transfer_on_node)
        self._forget = ray.remote(_forget_on_node)
        self._view = view
        self._tasks: dict[tuple[str, int], ray.ObjectRef[Any]] = {}

    async def run(self, claim: Claim) -> TrainingResult:
        """Carry the attempt to its end; raises what Ray raises.

        Raises
        ------
        NotStarted
            If no node that could take the task has been there for `GONE_S`: Ray would let it wait for ever.
        """
        try:
            view = await asyncio.to_thread(self._view)
        except Exception as error:  # nothing has been submitted yet: it is tried again
            raise NotStarted(f"The cluster's nodes could not be read: {error}") from error
        if claim.only_hands_over:
            task = self._transfer.options(**transfer_options(claim, view)).remote(claim)
        else:
            task = self._train.options(**task_options(claim, view)).remote(claim)
        attempt = (claim.operation_id, claim.attempt)
        self._tasks[attempt] = task
        ended, gone = asyncio.ensure_future(_result_of(task)), asyncio.ensure_future(self._nodes_are_gone(claim))
        try:
            await asyncio.wait({ended, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await asyncio.to_thread(ray.cancel, task, force=True)
                raise NotStarted(f"No node of {claim.environment} that could run it is there any more.")
            return TrainingResult.model_validate(ended.result())
        finally:
            gone.cancel()
            ended.add_done_callback(lambda future: future.cancelled() or future.exception())  # nobody else asks for it
            if self._tasks.get(attempt) is task:  # a reopened attempt keeps its number: another may run by now
                del self._tasks[attempt]

    async def force_stop(self, claim: Claim) -> None:
        """Kill the process that runs the attempt."""
        if (task := self._tasks.get((claim.operation_id, claim.attempt))) is not None:
            await asyncio.to_thread(ray.cancel, task, force=True)

    async def let_go(self, operation_id: str, node_id: str) -> None:
        """Remove what a node keeps of an operation's model, if it answers within `LET_GO_S`."""
        try:
            affinity = NodeAffinitySchedulingStrategy(node_id, soft=False)
            task = self._forget.options(name=operation_id, scheduling_strategy=affinity, num_cpus=0, max_retries=0)
            await asyncio.wait_for(_result_of(task.remote(operation_id)), LET_GO_S)
        except (ray_errors.RayError, TimeoutError) as error:
            log.warning("%s: what node %s keeps is left to its sweep: %s", operation_id, node_id[:8], first_line(error))

    async def _nodes_are_gone(self, claim: Claim) -> None:
        """Return once no node that could take the task was there at every look within `GONE_S`."""
        n_looks_in_vain = 0
        while n_looks_in_vain < GONE_S / LOOK_EVERY_S:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                view = await asyncio.to_thread(self._view)
            except Exception as error:  # whatever it is: not knowing is not gone
                log.warning("The nodes of %s could not be read: %s", claim.environment, error)
                continue
            if claim.only_hands_over:
                is_there = _node_of_artifact(claim, view) is not None
            else:
                is_there = bool(view.of(claim.environment, require_gpu=claim.require_gpu))
            n_looks_in_vain = 0 if is_there else n_looks_in_vain + 1


async def _result_of(task: Any) -> Any:
    return await task


def task_options(claim: Claim, view: ClusterView) -> dict[str, Any]:
    """Return Ray's options for the attempt's task.

    A GPU is asked for where every node that can take the task has one that Ray hands out, so that Ray counts it. Where
    some have none, none is counted: Ray 2.60 hides no card from a task that asked for none, and trainings may meet on
    one. Where an earlier attempt has left an artifact, its node is preferred, and any other taken while that has no
    room.
    """
    takes_gpu = view.takes_gpu(claim.environment, require_gpu=claim.require_gpu)
    selector, node = label_selector(claim.environment, claim.require_gpu), _node_of_artifact(claim, view)
    where: dict[str, Any] = {"label_selector": selector}
    if node is not None:
        where = {"label_selector": {**selector, NODE_LABEL: node.node_id}, "fallback_strategy": [where]}
    return {
        "name": claim.operation_id,
        **where,
        "resources": {SLOT_RESOURCE: 1},
        "num_cpus": 1,
        "num_gpus": 1 if takes_gpu else 0,
        "max_retries": 0,  # retries are counted and fenced by the service; Ray's would train twice
    }


def transfer_options(claim: Claim, view: ClusterView) -> dict[str, Any]:
    """Return Ray's options for the task that hands an artifact over: on its node, beside what trains there.

    Raises
    ------
    NotStarted
        If that node is not there.
    """
    node = _node_of_artifact(claim, view)
    if node is None:
        where = f"node {claim.artifact.node[:8]} at {claim.artifact.address}" if claim.artifact else "no node"
        raise NotStarted(f"The artifact lies on {where}, which is not there now.")
    return {
        "name": claim.operation_id,
        "scheduling_strategy": NodeAffinitySchedulingStrategy(node.node_id, soft=False),  # a node that dies fails it
        "num_cpus": 0,
        "max_retries": 0,
    }


def _node_of_artifact(claim: Claim, view: ClusterView) -> NodeView | None:
    kept = claim.artifact
    return None if kept is None else view.again(kept.node, kept.address, claim.environment)


def _transfer_on_node(claim: Claim) -> dict[str, Any]:
    from actors.transfer_task import transfer  # noqa: PLC0415 - as below

    return transfer(claim)


def _forget_on_node(operation_id: str) -> None:
    from actors.node_spool import spool_of_node  # noqa: PLC0415 - as in `actors.artifact_parts`

    spool_of_node().forget(operation_id)


def _train_on_node(claim: Claim) -> dict[str, Any]:
    from actors.training_task import train  # here: only the process that trains imports torch  # noqa: PLC0415

    return train(claim)
