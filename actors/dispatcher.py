"""EnvironmentDispatcher: claims an environment's operations in order, one for each free slot, and owns their tasks."""

from __future__ import annotations

import asyncio
import logging
import traceback
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import ray.exceptions as ray_errors

from actors.outcome import as_ours, defect, first_line, record_of
from actors.runners import Claim, TrainingRunner
from cluster.view import ClusterView
from ktrdr.errors import CancellationError, InfrastructureError, KtrdrError
from ktrdr.operations import OperationError
from ktrdr.results import TrainingResult

log = logging.getLogger("ktrdr.dispatcher")

CLAIM_WAIT_S = 2.0
"""A poll for work ends after this, so that nodes that joined or left are seen."""
RETRY_S = 0.5


class OperationsPort(Protocol):
    """What a dispatcher asks of the OperationsActor; an adapter over its handle, or the object itself in tests."""

    async def claim(self, environment: str, owner: str, held: Sequence[str], timeout_s: float) -> Claim | None: ...
    async def orphans(self, environment: str, owner: str) -> list[tuple[str, int, bool]]: ...
    async def requeue(self, operation_id: str, attempt: int, reason: str, counts: bool = True) -> None: ...
    async def complete(self, operation_id: str, attempt: int, result: TrainingResult) -> bool: ...
    async def fail(self, operation_id: str, attempt: int, error: OperationError) -> None: ...
    async def acknowledge_cancel(self, operation_id: str, attempt: int) -> None: ...
    async def wait_for_cancel(self, operation_id: str, attempt: int, timeout_s: float) -> tuple[str, str | None]: ...
    async def is_force_cancelled(self, operation_id: str, attempt: int) -> bool: ...


class EnvironmentDispatcher:
    """One for each environment. Does no work itself, so it does not die of it.

    If its process dies, its trainings die with it; the next incarnation finds them in the book and puts them back
    into the queue.
    """

    def __init__(  # noqa: PLR0913 - what is injected
        self,
        environment: str,
        operations: OperationsPort,
        runner: TrainingRunner,
        view: Callable[[], ClusterView],
        find_committed: Callable[[str], TrainingResult | None],
        cancel_grace_s: float = 5.0,
    ) -> None:
        self._environment, self._operations, self._runner = environment, operations, runner
        self._view, self._find_committed = view, find_committed
        self._cancel_grace_s = cancel_grace_s
        self._owner = uuid.uuid4().hex
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self._loop = asyncio.get_running_loop().create_task(self._dispatch_for_ever())

    async def ping(self) -> dict[str, Any]:
        """Answer, to say that the dispatcher lives; how many trainings it owns."""
        return {
            "environment": self._environment,
            "in_flight": len(self._in_flight),
            "is_dispatching": not self._loop.done(),
        }

    async def _dispatch_for_ever(self) -> None:
        is_adopted = False
        while True:
            try:
                if not is_adopted:
                    await self._adopt()
                    is_adopted = True
                await self._dispatch_one()
            except (ray_errors.RayError, KtrdrError) as error:
                log.warning("%s: not dispatching for the moment: %s", self._environment, first_line(error))
                await asyncio.sleep(RETRY_S)

    async def _adopt(self) -> None:
        for operation_id, attempt, is_committing in await self._operations.orphans(self._environment, self._owner):
            lost = InfrastructureError("The process that owned this training went away.")
            await self._lost(operation_id, attempt, lost, is_committing)

    async def _dispatch_one(self) -> None:
        n_slots = (await asyncio.to_thread(self._view)).slots(self._environment)
        if len(self._in_flight) >= n_slots:
            if self._in_flight:
                running = list(self._in_flight.values())
                await asyncio.wait(running, timeout=CLAIM_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(RETRY_S)
            return
        claim = await self._operations.claim(self._environment, self._owner, list(self._in_flight), CLAIM_WAIT_S)
        if claim is not None:
            task = asyncio.get_running_loop().create_task(self._carry(claim))
            self._in_flight[claim.operation_id] = task
            task.add_done_callback(lambda _: self._in_flight.pop(claim.operation_id))

    async def _carry(self, claim: Claim) -> None:
        guard = asyncio.get_running_loop().create_task(self._force_stop_after_grace(claim))
        try:
            report = await self._outcome(claim)
        finally:
            guard.cancel()
        await self._until_answered(report)

    async def _outcome(self, claim: Claim) -> Callable[[], Any]:
        """Run the attempt to its end and return the report to make of it."""
        operation_id, attempt = claim.operation_id, claim.attempt
        error: KtrdrError
        try:
            result = await self._runner.run(claim)
        except ray_errors.RayError as raised:
            error, trace = as_ours(raised), str(raised)
        except KtrdrError as raised:
            error, trace = raised, traceback.format_exc()
        except Exception as raised:  # the task's top, as its owner sees it: no attempt may be left running
            error, trace = defect(raised), traceback.format_exc()
        else:
            return lambda: self._operations.complete(operation_id, attempt, result)
        if isinstance(error, CancellationError):
            return lambda: self._operations.acknowledge_cancel(operation_id, attempt)
        if isinstance(error, InfrastructureError):
            return lambda: self._lost(operation_id, attempt, error, may_be_committed=True)
        return lambda: self._operations.fail(operation_id, attempt, record_of(error, trace))

    async def _lost(self, operation_id: str, attempt: int, error: KtrdrError, may_be_committed: bool) -> None:
        """Complete an attempt whose model is in the store, whatever became of its process; requeue any other."""
        if may_be_committed:
            result = await asyncio.to_thread(self._find_committed, operation_id)
            if result is not None and await self._operations.complete(operation_id, attempt, result):
                return
        await self._operations.requeue(operation_id, attempt, str(error))

    async def _force_stop_after_grace(self, claim: Claim) -> None:
        operation_id, attempt = claim.operation_id, claim.attempt
        while True:
            word = await self._until_answered(lambda: self._operations.wait_for_cancel(operation_id, attempt, 15.0))
            if word[0] == "over":
                return
            if word[0] == "cancel":
                break
        grace_ends = asyncio.get_running_loop().time() + self._cancel_grace_s
        while asyncio.get_running_loop().time() < grace_ends:
            if await self._until_answered(lambda: self._operations.is_force_cancelled(operation_id, attempt)):
                break
            await asyncio.sleep(min(RETRY_S, self._cancel_grace_s))
        log.warning("%s did not stop in %.1f s: its process is killed", operation_id, self._cancel_grace_s)
        await self._runner.force_stop(claim)

    async def _until_answered(self, call: Callable[[], Any]) -> Any:
        """Repeat `call` while the actors it needs are away; they restart by themselves."""
        while True:
            try:
                return await call()
            except ray_errors.RayTaskError:
                raise
            except ray_errors.RayError as error:
                log.warning("%s: waiting for the actors: %s", self._environment, type(error).__name__)
                await asyncio.sleep(RETRY_S)
