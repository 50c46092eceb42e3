"""OperationsActor: the book of operations, made reachable. Owns no training.

The class is undecorated: tests hold it as an object; `actors.house` makes it a named, detached actor.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from actors.admission import Admission, claim_of
from actors.default_mode import DefaultMode
from actors.desk import Desk, state_of
from actors.epochs import metrics_of
from actors.hub import END, Event
from actors.notices import end_of, stop_of, wait_for, work_in
from actors.operation_logs import OperationLogs
from actors.runners import Claim
from actors.suspension import SUSPEND, Suspension
from cluster.view import ClusterView
from cluster.waiting import pending_reason
from ktrdr.operations import (
    UNDER_WAY,
    Operation,
    OperationBook,
    OperationError,
    OperationStatus,
    new_operation_id,
    utc_now,
)
from ktrdr.results import TrainingResult
from ktrdr.training import CheckpointPolicy
from ktrdr.wire import (
    CheckRequest,
    ConfigChange,
    OperationSummary,
    OperationView,
    Page,
    Queue,
    TrainingConfig,
    TrainingRequest,
    TrainingStarted,
)


class OperationsActor:
    """Answers clients, dispatchers and training tasks.

    Every change goes through the book, on one writer thread, and is in the store before it is acknowledged. News and
    wake-ups live in memory only: whoever missed one reads the store.
    """

    def __init__(  # noqa: PLR0913 - what is injected
        self,
        book: OperationBook,
        admission: Admission,
        logs: OperationLogs,
        view: Callable[[], ClusterView],
        configured_mode: str | None = None,
        checkpoint_policy: CheckpointPolicy | None = None,
    ) -> None:
        self._checkpoint_policy = checkpoint_policy or CheckpointPolicy()
        self._book, self._admission, self._logs, self._view = book, admission, logs, view
        self._default_mode = DefaultMode(book, configured_mode)
        self._desk = Desk(book)
        self._hub, self._notices = self._desk.hub, self._desk.notices
        self._suspension = Suspension(book, self._desk)

    async def ping(self) -> str:
        """Answer, to say that the actor lives."""
        return "ok"

    # -- for clients -------------------------------------------------------------------------------------------------

    async def submit(self, request: TrainingRequest | Mapping[str, Any], idempotency_key: str | None = None) -> str:
        """Judge `request`, enter a pending operation and return its id. The same key or id makes one operation."""
        return (await self.start(request, idempotency_key)).operation_id

    async def start(
        self, request: TrainingRequest | Mapping[str, Any], idempotency_key: str | None = None
    ) -> TrainingStarted:
        """As `submit`, answering with the placement and its reason."""
        asked = TrainingRequest.parse(request)
        known = await self._desk.write(self._book.submitted, asked.operation_id, idempotency_key, asked.body_sha256)
        if known is not None:  # asked again: what has changed since does not matter
            return TrainingStarted.of(known)
        mode = (await self.training_config()).default_execution_mode
        admitted = await self._desk.judge(self._admission.judge, asked, mode)
        draft = admitted.operation(asked.operation_id or new_operation_id(), asked.body_sha256, utc_now())
        operation, _ = await self._desk.write(self._book.submit, draft, idempotency_key, asked.body_sha256)
        self._desk.tell(operation)
        self._notices.wake(work_in(operation.execution.environment))
        return TrainingStarted.of(operation)

    async def plan(self, request: TrainingRequest | Mapping[str, Any]) -> dict[str, Any]:
        """Say what `start` would do, and train nothing."""
        asked = TrainingRequest.parse(request)
        mode = (await self.training_config()).default_execution_mode
        admitted, plan = await self._desk.judge(self._admission.plan, asked, mode)
        return {"strategy_name": admitted.strategy.name, "placement": admitted.why, **plan.model_dump(mode="json")}

    async def check(self, request: CheckRequest | Mapping[str, Any]) -> dict[str, Any]:
        """Say what a strategy makes of its bars, and whether it knows the future where that is asked."""
        return await self._desk.judge(self._admission.check, CheckRequest.parse(request))

    async def get(self, operation_id: str) -> OperationView:
        """Return the operation as it is now."""
        operation = await self._desk.write(self._book.get, operation_id)
        now: dict[str, Any] = {}
        if operation.status is OperationStatus.PENDING:
            ahead = await self._desk.write(self._book.pending_ahead, operation_id)
            view = await asyncio.to_thread(self._view)
            environment, gpu = operation.execution.environment, bool(operation.request["require_gpu"])
            now["queue"] = Queue(position=ahead + 1, ahead=ahead)
            waits = pending_reason(environment, gpu, ahead, view)
            now["status_reason"] = f"{operation.status_reason} {waits}" if operation.attempt else waits
        now["metrics"] = await self._metrics_of(operation)
        return OperationView.of(operation, self._desk.progress_of(operation), **now)

    async def page(self, **filters: Any) -> Page[OperationSummary]:
        """Return one page of operations, newest first; progress of the running ones with it."""
        found = await self._desk.write(functools.partial(self._book.page, **filters))
        items = [OperationSummary.of(operation, self._desk.progress_of(operation)) for operation in found.items]
        return Page(items=items, total_count=found.total_count, next_cursor=found.next_cursor)

    async def metrics(self, operation_id: str) -> dict[str, Any] | None:
        """Return the epochs of the newest attempt and the best of them as monitored; None before the first."""
        return await self._metrics_of(await self._desk.write(self._book.get, operation_id))

    async def log(self, operation_id: str, offset: int = 0) -> tuple[str, int, bool]:
        """Return log lines from byte `offset` on, the next offset, and whether it has ended."""
        operation = await self._desk.write(self._book.get, operation_id)
        text, offset = await self._desk.write(self._logs.read, operation_id, offset)
        return text, offset, operation.is_terminal

    async def cancel(
        self, operation_id: str, reason: str = "Cancelled by the user", force: bool = False
    ) -> OperationView:
        """Ask the operation to stop. The row is written before anybody is woken."""
        operation = await self._desk.write(self._book.request_cancel, operation_id, reason, force)
        if operation.is_terminal:
            await self._desk.settle(operation)
        else:
            self._desk.tell(operation)
            self._notices.wake(stop_of(operation_id))
        return OperationView.of(operation, self._desk.progress_of(operation))

    async def resume(self, operation_id: str) -> OperationView:
        """Put an operation that failed or was cancelled back into the queue, to go on from its checkpoint."""
        operation = await self._desk.write(self._book.resume, operation_id)
        self._desk.tell(operation)
        self._notices.wake(work_in(operation.execution.environment))
        return await self.get(operation_id)

    async def wait(self, operation_id: str, timeout_s: float | None = None) -> OperationView:
        """Return the operation once it has ended, or as it is after `timeout_s`."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            changed = self._notices.next(end_of(operation_id))
            operation = await self._desk.write(self._book.get, operation_id)
            remaining = 30.0 if deadline is None else deadline - time.monotonic()
            if operation.is_terminal or remaining <= 0:
                self._notices.wake(end_of(operation_id))
                return await self.get(operation_id)
            await wait_for(changed, min(remaining, 30.0))

    async def changes(self, operation_id: str, since: int, timeout_s: float = 15.0) -> list[Event]:
        """Return news later than id `since`, waiting at most `timeout_s`. The last of an ended operation is `end`."""
        operation = await self._desk.write(self._book.get, operation_id)
        if not operation.is_terminal:
            found = await self._hub.wait(operation_id, since, timeout_s)
            operation = await self._desk.write(self._book.get, operation_id)
            if not operation.is_terminal:
                return found
        view = (await self.get(operation_id)).model_dump(mode="json")
        state = self._hub.event(operation_id, "state", state_of(operation), since)
        return [state, self._hub.event(operation_id, END, view, state.id)]

    async def newest_of_each_strategy(self) -> list[Operation]:
        """Return the newest operation of every strategy that was ever trained."""
        return await self._desk.write(self._book.newest_of_each_strategy)

    async def training_config(self) -> TrainingConfig:
        """Return the default mode and where it comes from."""
        return await self._desk.write(self._default_mode.read)

    async def set_default_mode(self, mode: str) -> ConfigChange:
        """Store a new default mode."""
        return await self._desk.write(self._default_mode.change, mode)

    # -- for dispatchers ---------------------------------------------------------------------------------------------

    async def claim(
        self,
        environment: str,
        owner: str,
        held: Sequence[tuple[str, int]] = (),
        has_gpu: bool = True,
        timeout_s: float = 0.0,
    ) -> Claim | None:
        """Give the oldest pending operation of `environment` to `owner`, waiting for one at most `timeout_s`.

        `held` are the attempts the owner runs: one it was given whose answer was lost on the way is given again.
        Without `has_gpu` those that require one are passed over.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            work = self._notices.next(work_in(environment))
            operation = None
            if not self._suspension.has_begun:
                attempts = {(operation_id, attempt) for operation_id, attempt in held}
                operation = await self._desk.write(self._book.claim, environment, owner, attempts, has_gpu)
            if operation is not None:
                self._desk.tell(operation)
                return claim_of(operation, self._checkpoint_policy)
            if (remaining := deadline - time.monotonic()) <= 0:
                return None
            await wait_for(work, remaining)

    async def orphans(self, environment: str, owner: str) -> list[tuple[str, int]]:
        """Return (id, attempt) of what runs in `environment` but is owned by nobody alive."""
        found = await self._desk.write(self._book.orphans, environment, owner)
        return [(operation.operation_id, operation.attempt) for operation in found]

    async def fence(self, operation_id: str, attempt: int) -> bool:
        """Let an attempt that is given up begin no commit any more; say whether it had begun one."""
        return await self._desk.write(self._book.fence, operation_id, attempt)

    async def requeue(self, operation_id: str, attempt: int, reason: str, counts: bool = True) -> None:
        """Record that infrastructure ended the attempt: it is tried again, while attempts are left."""
        await self._desk.settle(await self._desk.write(self._book.requeue, operation_id, attempt, reason, counts))

    async def complete(self, operation_id: str, attempt: int, result: TrainingResult) -> bool:
        """Record the committed attempt's result; False for a late report of an ended or older attempt."""
        settled = await self._desk.write(self._book.complete, operation_id, attempt, result.model_dump(mode="json"))
        await self._desk.settle(settled)
        return settled is not None

    async def fail(self, operation_id: str, attempt: int, error: OperationError) -> None:
        """Record why the attempt failed."""
        progress = self._hub.progress(operation_id)
        if progress and error.step is None:
            error = error.model_copy(update={"step": progress["current_step"]})
        await self._desk.settle(await self._desk.write(self._book.fail, operation_id, attempt, error))

    async def acknowledge_cancel(self, operation_id: str, attempt: int) -> None:
        """Record that the attempt has stopped because it was asked to; one that was not asked is tried again."""
        settled = await self._desk.write(self._book.acknowledge_cancel, operation_id, attempt)
        if settled is None:
            operation = await self._desk.write(self._book.get, operation_id)
            if operation.attempt == attempt and self._suspension.covers(operation):
                await self._suspension.put_back(operation)
                return
            reason = "The training stopped without being asked to."
            settled = await self._desk.write(self._book.requeue, operation_id, attempt, reason)
        await self._desk.settle(settled)

    async def is_force_cancelled(self, operation_id: str, attempt: int) -> bool:
        """Say whether the attempt is to be killed at once."""
        operation = await self._desk.write(self._book.get, operation_id)
        return operation.attempt == attempt and operation.cancel_forced

    async def suspend(self, wait_s: float) -> int:
        """Stop giving out work and put what runs back into the queue, its last epoch kept; return how much ran.

        For the end of the service. What is being trained or saved is waited for, at most `wait_s`.
        """
        return await self._suspension.begin(wait_s)

    async def suspend_node(self, node_id: str, wait_s: float) -> int:
        """Put what runs on one node back into the queue, in the same way; other nodes go on. Return how much ran."""
        return await self._suspension.begin_on(node_id, wait_s)

    # -- for training tasks ------------------------------------------------------------------------------------------

    async def placed(self, operation_id: str, attempt: int, node: str, device: str) -> None:
        """Record the node and device the attempt runs on."""
        placed = await self._desk.write(self._book.placed, operation_id, attempt, node, device)
        self._desk.tell(placed)
        if placed is not None and self._suspension.concerns(placed):  # its poll began before it had a node
            self._notices.wake(stop_of(operation_id))

    async def report(
        self,
        operation_id: str,
        attempt: int,
        progress: dict[str, Any] | None,
        epochs: Sequence[dict[str, Any]],
        log: Sequence[dict[str, Any]],
    ) -> None:
        """Take a training's news: the newest progress, every epoch and log line since the last acknowledged report."""
        if epochs:
            await self._desk.write(self._book.record_epochs, operation_id, attempt, epochs)
        if log:
            await self._desk.write(self._logs.append, operation_id, list(log))
        if progress is not None:
            operation = await self._desk.write(self._book.get, operation_id)
            if operation.attempt == attempt and not operation.is_terminal:  # a late report tells nobody anything
                before = operation.progress["percentage"] if operation.progress else 0.0
                self._hub.publish_progress(operation_id, progress, before)

    async def wait_for_cancel(self, operation_id: str, attempt: int, timeout_s: float) -> tuple[str, str | None]:
        """Return ("cancel", reason) once the attempt must stop, ("over", None) once it is over, else ("run", None).

        ("suspend", reason) when it is to stop because the service or its node ends, and will go on later.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            changed = self._notices.next(stop_of(operation_id))
            operation = await self._desk.write(self._book.get, operation_id)
            if operation.attempt != attempt or operation.status not in UNDER_WAY:
                self._notices.wake(stop_of(operation_id))
                return ("over", None)
            if operation.status is OperationStatus.CANCELLING:
                return ("cancel", operation.cancel_reason)
            if self._suspension.concerns(operation):
                return (SUSPEND, self._suspension.reason(operation))
            if (remaining := deadline - time.monotonic()) <= 0:
                return ("run", None)
            await wait_for(changed, remaining)

    async def begin_commit(self, operation_id: str, attempt: int) -> bool:
        """Grant the commit of this attempt's model, only while it runs; from then on it cannot be cancelled."""
        return await self._desk.write(self._book.begin_commit, operation_id, attempt)

    async def may_keep_checkpoint(self, operation_id: str, attempt: int) -> bool:
        """Say whether states of this attempt are still to be kept: it is the present one and has not ended."""
        return await self._desk.write(self._book.may_keep_checkpoint, operation_id, attempt)

    async def checkpoint_kept(self, operation_id: str, attempt: int) -> None:
        """Record that there is a state to go on from."""
        await self._desk.write(self._book.checkpoint_kept, operation_id, attempt)

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _metrics_of(self, operation: Operation) -> dict[str, Any] | None:
        epochs = await self._desk.write(self._book.epochs, operation.operation_id)
        return metrics_of(epochs, operation.request["strategy"]) if epochs else None
