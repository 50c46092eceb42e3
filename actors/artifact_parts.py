"""A kept artifact on its way out: read on its node one part at a time, so that nobody holds it whole.

Each part is a task of its own. Nothing lives on between two of them: a client that goes away leaves nothing behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import ray
import ray.exceptions as ray_errors
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.own_errors import own_errors
from ktrdr.errors import InfrastructureError, StorageError

PART_SIZE = 4 * 1024**2  # bytes
PART_TIMEOUT_S = 30.0
"""A node that is cut off never answers."""

ReadPart = Callable[[int], Awaitable[bytes]]
"""Give the part that begins at an offset."""


async def parts_of(read: ReadPart, size: int) -> AsyncIterator[bytes]:
    """Return the `size` bytes that `read` gives, part by part; the first has been read, so that its errors come here.

    Raises
    ------
    KtrdrError
        What `read` raises; while the parts are given, too.
    StorageError
        There, if the artifact ends before `size`.
    """
    return _following(read, await read(0), size)


async def _following(read: ReadPart, part: bytes, size: int) -> AsyncIterator[bytes]:
    offset = len(part)
    while part:
        following = asyncio.ensure_future(read(offset)) if offset < size else None
        try:
            yield part  # the next one is read in the meantime
            part = b"" if following is None else await following
        finally:
            if following is not None:
                following.cancel()
        offset += len(part)
    if offset != size:
        raise StorageError(f"The artifact ended after {offset:,} of {size:,} bytes.", "Ask for it again.")


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
