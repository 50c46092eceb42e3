"""How an attempt that has ended is reported: completed wherever its model is in the store, whatever became of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

import ray.exceptions as ray_errors

from actors.outcome import as_ours, first_line, record_of
from ktrdr.errors import KtrdrError, NotStarted, StorageError, TransitionRefused
from ktrdr.operations import KeptArtifact, OperationError
from ktrdr.results import TrainingResult

log = logging.getLogger("ktrdr.dispatcher")


class EndingsPort(Protocol):
    """What is told to the OperationsActor of an attempt that has ended."""

    async def fence(self, operation_id: str, attempt: int) -> bool: ...
    async def requeue(self, operation_id: str, attempt: int, reason: str, counts: bool = True) -> None: ...
    async def complete(self, operation_id: str, attempt: int, result: TrainingResult) -> bool: ...
    async def fail(
        self, operation_id: str, attempt: int, error: OperationError, artifact: KeptArtifact | None = None
    ) -> None: ...
    async def acknowledge_cancel(self, operation_id: str, attempt: int) -> None: ...


class Endings:
    """Reports ends. Whatever it raises is of the actors it asks: the report is made again.

    Parameters
    ----------
    operations
        The OperationsActor.
    find_committed
        Gives the result of an operation whose model is in the store.
    forget_checkpoints
        Lets go of an operation's checkpoints.
    """

    def __init__(
        self,
        operations: EndingsPort,
        find_committed: Callable[[str], TrainingResult | None],
        forget_checkpoints: Callable[[str], None],
    ) -> None:
        self._operations = operations
        self._find_committed, self._forget_checkpoints = find_committed, forget_checkpoints

    async def completed(self, operation_id: str, attempt: int, result: TrainingResult) -> None:
        """Report the result that the attempt returned."""
        try:
            await self._operations.complete(operation_id, attempt, result)
        except (TransitionRefused, ray_errors.RayTaskError) as refused:
            error = as_ours(refused) if isinstance(refused, ray_errors.RayTaskError) else refused
            if not isinstance(error, TransitionRefused):
                raise
            await self._operations.fail(operation_id, attempt, record_of(error))
        else:
            await self._forget(operation_id)

    async def stopped(self, operation_id: str, attempt: int) -> None:
        """Report that the attempt has stopped because it was asked to."""
        await self._operations.acknowledge_cancel(operation_id, attempt)

    async def failed(
        self, operation_id: str, attempt: int, error: OperationError, artifact: KeptArtifact | None = None
    ) -> bool:
        """Complete an attempt whose model is in the store though it raised `error`; fail any other and return False."""
        if await self._is_stored(operation_id, attempt):
            return True
        await self._operations.fail(operation_id, attempt, error, artifact)
        return False

    async def lost(self, operation_id: str, attempt: int, error: KtrdrError, has_started: bool = False) -> bool:
        """Complete an attempt whose model is in the store, whatever ended it; requeue any other and return False."""
        if await self._is_stored(operation_id, attempt):
            return True
        counts = has_started or not isinstance(error, NotStarted)
        await self._operations.requeue(operation_id, attempt, str(error), counts)
        return False

    async def _is_stored(self, operation_id: str, attempt: int) -> bool:
        """Complete the attempt if its model is in the store, and say whether it is.

        The fence comes first: a save that has begun is waited for by `find_committed`, and none begins after it.
        """
        if not await self._operations.fence(operation_id, attempt):
            return False
        result = await asyncio.to_thread(self._find_committed, operation_id)
        if result is None or not await self._operations.complete(operation_id, attempt, result):
            return False
        await self._forget(operation_id)
        return True

    async def _forget(self, operation_id: str) -> None:
        """Let go of what a completed training has left to go on from; most have left nothing."""
        try:
            await asyncio.to_thread(self._forget_checkpoints, operation_id)
        except (StorageError, ray_errors.RayError) as error:
            log.warning("%s is completed, but its checkpoints are left: %s", operation_id, first_line(error))
