"""EnvironmentDispatcher: claims an environment's operations in order, one for each free slot, and owns their tasks."""

from __future__ import annotations

import asyncio
import functools
import logging
import traceback
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import ray.exceptions as ray_errors

from actors.endings import Endings, EndingsPort
from actors.outcome import artifact_of, as_ours, defect, first_line, record_of
from actors.runners import Claim, TrainingRunner
from actors.words import CANCEL, LAPSED, OVER, RUN, TIMEOUT, Watched
from cluster.view import ClusterView
from ktrdr.errors import CancellationError, InfrastructureError, KtrdrError, NotStarted
from ktrdr.results import TrainingResult

log = logging.getLogger("ktrdr.dispatcher")

ReturnT = TypeVar("ReturnT")

CLAIM_WAIT_S = 2.0
"""A poll for work ends after this, so that nodes that joined or left are seen."""
WATCH_S = 15.0
RETRY_S = 0.5
MAX_RETRY_S = 10.0


class OperationsPort(EndingsPort, Protocol):
    """What a dispatcher asks of the OperationsActor; an adapter over its handle, or the object itself in tests."""

    async def claim(
        self, environment: str, owner: str, held: Sequence[tuple[str, int]], has_gpu: bool, timeout_s: float
    ) -> Claim | None: ...
    async def claim_transfer(
        self, environment: str, owner: str, held: Sequence[tuple[str, int]], timeout_s: float
    ) -> Claim | None: ...
    async def orphans(self, environment: str, owner: str) -> list[tuple[str, int]]: ...
    async def watch(self, operation_id: str, attempt: int, timeout_s: float) -> Watched: ...


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
        forget_checkpoints: Callable[[str], None],
        cancel_grace_s: float = 5.0,
    ) -> None:
        self._environment, self._operations, self._runner = environment, operations, runner
        self._endings = Endings(operations, find_committed, forget_checkpoints)
        self._view, self._cancel_grace_s = view, cancel_grace_s
        self._owner = uuid.uuid4().hex
        self._in_flight: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._transfers: dict[tuple[str, int], asyncio.Task[None]] = {}
        """Attempts that were reopened to hand over what they have trained: they take no slot."""
        self._nodes: dict[tuple[str, int], str] = {}
        """Where the attempts in flight run, once they have said so."""
        self._dead_nodes: set[str] = set()
        self._asking = asyncio.Lock()
        self._gpu_claims: set[tuple[str, int]] = set()
        """Those of them that require a GPU."""
        self._left_behind: dict[tuple[str, int], str | None] = {}
        """Attempts that are over, and their nodes: each takes a slot of its node until its process has ended."""
        self._loop = asyncio.get_running_loop().create_task(self._dispatch_for_ever())

    async def ping(self) -> dict[str, Any]:
        """Answer, to say that the dispatcher lives; how many trainings it owns."""
        return {
            "environment": self._environment,
            "in_flight": len(self._in_flight) + len(self._transfers),
            "is_dispatching": not self._loop.done(),
        }

    async def _dispatch_for_ever(self) -> None:
        await self._insist(self._adopt)
        transfers = asyncio.get_running_loop().create_task(self._transfer_for_ever())
        try:
            while True:
                await self._insist(self._dispatch_one)
        finally:
            transfers.cancel()

    async def _transfer_for_ever(self) -> None:
        """Take up what is reopened beside what trains: it does no work that a training would wait for."""
        while True:
            claim = await self._insist(self._claim_transfer)
            if claim is not None:
                attempt = (claim.operation_id, claim.attempt)
                task = asyncio.get_running_loop().create_task(self._carry(claim))
                self._transfers[attempt] = task
                task.add_done_callback(functools.partial(self._forget_transfer, attempt))

    async def _claim_transfer(self) -> Claim | None:
        held = list(self._transfers)
        return await self._operations.claim_transfer(self._environment, self._owner, held, CLAIM_WAIT_S)

    def _forget_transfer(self, attempt: tuple[str, int], ended: asyncio.Task[None]) -> None:
        if self._transfers.get(attempt) is ended:  # it may have been reopened once more by now
            del self._transfers[attempt]
            self._nodes.pop(attempt, None)

    async def _adopt(self) -> None:
        """Take up what an earlier incarnation owned; each by itself: one in trouble does not hold up the rest."""
        lost = InfrastructureError("The process that owned this training went away.")
        for operation_id, attempt in await self._operations.orphans(self._environment, self._owner):
            call = functools.partial(self._lost, operation_id, attempt, lost)
            self._carry_on((operation_id, attempt), self._insist(call))

    async def _dispatch_one(self) -> None:
        async with self._asking:
            view = (await asyncio.to_thread(self._view)).without(self._dead_nodes)
            is_full = len(self._in_flight) + self._n_left_behind(view) >= view.slots(self._environment)
            claim = None if is_full else await self._claim(view)
        if claim is not None:
            if claim.require_gpu:
                self._gpu_claims.add((claim.operation_id, claim.attempt))
            self._carry_on((claim.operation_id, claim.attempt), self._carry(claim))
        elif is_full and self._in_flight:
            running = list(self._in_flight.values())
            await asyncio.wait(running, timeout=CLAIM_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        elif is_full:
            await asyncio.sleep(RETRY_S)

    async def _claim(self, view: ClusterView) -> Claim | None:
        # a node with a GPU may be there and busy while others are free: what requires one waits its turn in the queue
        n_gpu_slots = sum(node.slots for node in view.of(self._environment, require_gpu=True))
        has_gpu = len(self._gpu_claims) < n_gpu_slots
        held = list(self._in_flight)
        return await self._operations.claim(self._environment, self._owner, held, has_gpu, CLAIM_WAIT_S)

    def _carry_on(self, attempt: tuple[str, int], work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._in_flight[attempt] = task

        def forget(_: object) -> None:
            self._in_flight.pop(attempt)
            self._nodes.pop(attempt, None)
            self._gpu_claims.discard(attempt)

        task.add_done_callback(forget)

    def _n_left_behind(self, view: ClusterView) -> int:
        there = {node.node_id for node in view.nodes}
        return sum(node is None or node in there for node in self._left_behind.values())

    async def _carry(self, claim: Claim) -> None:
        """Carry an attempt to its end; it stays in flight until its report is acknowledged.

        One that is over before its process has ended, such as on a node that nothing is heard of, is left behind: what
        comes of it later is an older attempt's.
        """
        loop = asyncio.get_running_loop()
        run = loop.create_task(self._outcome(claim))
        guard = loop.create_task(self._insist(lambda: self._guard(claim)))
        try:
            await asyncio.wait((run, guard), return_when=asyncio.FIRST_COMPLETED)
        finally:
            guard.cancel()
        if run.done():
            await self._insist(run.result())
            return
        self._leave_behind(claim, guard.result().node, run)
        if guard.result().word == LAPSED:
            kind = NotStarted if guard.result().node is None else InfrastructureError
            lapse = kind(str(guard.result().reason))
            await self._insist(lambda: self._lost(claim.operation_id, claim.attempt, lapse))

    def _leave_behind(self, claim: Claim, node: str | None, run: asyncio.Task[Any]) -> None:
        attempt = (claim.operation_id, claim.attempt)
        log.warning("%s: attempt %d is over, and its process may still run on node %s", *attempt, node)
        if not claim.only_hands_over:
            self._left_behind[attempt] = node
        kill = asyncio.get_running_loop().create_task(self._runner.force_stop(claim))

        def forget(_: object) -> None:
            kill.cancel()
            self._left_behind.pop(attempt, None)

        run.add_done_callback(forget)

    async def _outcome(self, claim: Claim) -> Callable[[], Any]:
        """Run the attempt to its end and return the report to make of it."""
        operation_id, attempt = claim.operation_id, claim.attempt
        error: KtrdrError
        try:
            result = await self._runner.run(claim)
        except ray_errors.RayError as raised:
            error, trace = as_ours(raised), str(raised)
            if isinstance(raised, ray_errors.NodeDiedError):
                await self._insist(lambda: self._note_dead_node(operation_id, attempt))
        except KtrdrError as raised:
            error, trace = raised, traceback.format_exc()
        except Exception as raised:  # the task's top, as its owner sees it: no attempt may be left running
            error, trace = defect(raised), traceback.format_exc()
        else:
            return lambda: self._endings.completed(operation_id, attempt, result)
        if isinstance(error, CancellationError):
            return lambda: self._endings.stopped(operation_id, attempt)
        if isinstance(error, InfrastructureError):
            return lambda: self._lost(operation_id, attempt, error)
        return lambda: self._failed(operation_id, attempt, error, trace)

    async def _note_dead_node(self, operation_id: str, attempt: int) -> None:
        """Count on the attempt's node no more: it stays in Ray's table for a while, and a task for it would wait."""
        seen = await self._operations.watch(operation_id, attempt, 0.0)
        node = seen.node or self._left_behind.get((operation_id, attempt))
        if node is not None:
            self._dead_nodes.add(node)
        async with self._asking:  # what is asked for now counts on that node: its attempt goes back only after it
            pass

    async def _lost(self, operation_id: str, attempt: int, error: KtrdrError) -> None:
        has_started = self._nodes.get((operation_id, attempt)) is not None
        if await self._endings.lost(operation_id, attempt, error, has_started):
            await self._let_go(operation_id, attempt)

    async def _failed(self, operation_id: str, attempt: int, error: KtrdrError, trace: str) -> None:
        if await self._endings.failed(operation_id, attempt, record_of(error, trace), artifact_of(error)):
            await self._let_go(operation_id, attempt)

    async def _let_go(self, operation_id: str, attempt: int) -> None:
        """Let go of what the attempt has left on its node: its model is stored, and it has not heard so itself."""
        seen = await self._operations.watch(operation_id, attempt, 0.0)
        if seen.node is not None:
            await self._runner.let_go(operation_id, seen.node)

    async def _guard(self, claim: Claim) -> Watched:
        """Watch an attempt until it is over or has lapsed; kill it where it does not stop within the grace."""
        loop = asyncio.get_running_loop()
        kill_at: float | None = None
        kill: asyncio.Task[None] | None = None  # nobody waits for it: on a node that is cut off it may never end
        while True:
            seen = await self._operations.watch(claim.operation_id, claim.attempt, WATCH_S)
            if seen.node is not None:
                self._nodes[claim.operation_id, claim.attempt] = seen.node
            if seen.word in (OVER, LAPSED):
                return replace(seen, node=self._nodes.get((claim.operation_id, claim.attempt)))
            if seen.word in (CANCEL, TIMEOUT):
                kill_at = loop.time() + self._cancel_grace_s if kill_at is None else kill_at
                if (seen.is_forced or loop.time() >= kill_at) and (kill is None or kill.done()):
                    log.warning("%s did not stop in %.1f s: it is killed", claim.operation_id, self._cancel_grace_s)
                    kill = loop.create_task(self._runner.force_stop(claim))
            if seen.word != RUN:  # the next watch answers at once
                await asyncio.sleep(min(RETRY_S, self._cancel_grace_s))

    async def _insist(self, call: Callable[[], Awaitable[ReturnT]]) -> ReturnT:
        """Make `call` until it comes through: the actors it needs restart by themselves, a full disk is emptied.

        Nothing may end a dispatcher's loop or lose a report: whatever is raised is logged, and tried again.
        """
        pause_s = RETRY_S
        while True:
            try:
                return await call()
            except Exception as error:
                log.warning("%s: %s; trying again", self._environment, first_line(error))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, MAX_RETRY_S)
