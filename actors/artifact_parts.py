"""The parts of a kept artifact, each read by a task of its own on the node that keeps it."""

from __future__ import annotations

import asyncio
from typing import Any

import ray
import ray.exceptions as ray_errors
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.own_errors import own_errors
from actors.parts import PART_SIZE, ReadPart
from ktrdr.errors import InfrastructureError

PART_TIMEOUT_S = 30.0
"""A node that is cut off never answers."""


def parts_on(node_id: str, operation_id: str, sha256: str) -> ReadPart:
    """Return what reads an operation's artifact on a node; it raises `InfrastructureError` where that is not there."""
    task: Any = ray.remote(_part_on_node).options(
        name=f"artifact of {operation_id}",
        scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False),
        num_cpus=0,
    )

    async def read(offset: int) -> bytes:
        try:
            with own_errors():
                part: bytes = await asyncio.wait_for(
                    _awaited(task.remote(operation_id, sha256, offset)), PART_TIMEOUT_S
                )
        except (ray_errors.RayError, TimeoutError) as error:
            raise InfrastructureError(
                f"Node {node_id[:8]} does not give the artifact ({type(error).__name__})."
            ) from error
        return part

    return read


async def _awaited(part: Any) -> Any:
    return await part


def _part_on_node(operation_id: str, sha256: str, offset: int) -> bytes:
    from actors.node_spool import spool_of_node  # noqa: PLC0415 - the process that asks has no spool

    return spool_of_node().part(operation_id, sha256, offset, PART_SIZE)
