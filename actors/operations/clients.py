"""What clients ask of the OperationsActor."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Mapping
from typing import Any

from actors.admission import again, retried
from actors.desk import state_of
from actors.hub import END, Event
from actors.notices import end_of, stop_of, transfers_in, wait_for, work_in
from actors.operations.queue import QueueNow
from actors.operations.surface import Surface
from actors.places import environment_list
from cluster.environments import Environment
from ktrdr.errors import ArtifactAway, RequestError, TransitionRefused
from ktrdr.operations import Operation, OperationStatus, new_operation_id
from ktrdr.wire import (
    CheckRequest,
    ConfigChange,
    EnvironmentList,
    IdenticalModel,
    OperationSummary,
    OperationView,
    Page,
    TrainingConfig,
    TrainingRequest,
    TrainingReused,
    TrainingStarted,
)


class ForClients(Surface):
    """Start, look, follow, stop: over HTTP through the gateway, or from a driver of one's own."""

    async def submit(self, request: TrainingRequest | Mapping[str, Any], idempotency_key: str | None = None) -> str:
        """Judge `request`, enter a pending operation and return its id. The same key or id makes one operation."""
        asked = TrainingRequest.parse(request)
        if asked.reuse is not None:
            advice = "Ask `start`, which answers with a model or an operation."
            raise RequestError("reuse", "submit always makes an operation.", advice)
        return (await self._enter(asked, idempotency_key)).operation_id

    async def start(
        self, request: TrainingRequest | Mapping[str, Any], idempotency_key: str | None = None
    ) -> TrainingStarted | TrainingReused:
        """As `submit`, answering with the placement and its reason; or with a model, where that was asked for."""
        asked = TrainingRequest.parse(request)
        entered = await self._enter_or_reuse(asked, idempotency_key)
        return TrainingStarted.of(entered) if isinstance(entered, Operation) else TrainingReused.of(entered)

    async def retry(self, operation_id: str, retry_id: str | None = None) -> TrainingStarted:
        """Start what an operation that has ended asked for again, as one of its own under the id `retry_id`.

        Raises
        ------
        TransitionRefused
            If it has not ended.
        """
        parent = await self._desk.write(self._book.get, operation_id)
        if not parent.is_terminal:
            raise TransitionRefused(operation_id, parent.status.value, "retried before it has ended")
        return TrainingStarted.of(await self._enter(again(parent, retry_id), parent=parent))

    async def _enter(
        self, asked: TrainingRequest, idempotency_key: str | None = None, parent: Operation | None = None
    ) -> Operation:
        entered = await self._enter_or_reuse(asked, idempotency_key, parent)
        assert isinstance(entered, Operation)  # nothing is reused unless that was asked for
        return entered

    async def _enter_or_reuse(
        self, asked: TrainingRequest, idempotency_key: str | None, parent: Operation | None = None
    ) -> Operation | IdenticalModel:
        """Judge what is asked and enter it as a pending operation; what was asked before is what was entered then.

        Where an identical model is to be reused and there is one, that is returned and nothing entered.
        """
        known = await self._desk.write(self._book.submitted, asked.operation_id, idempotency_key, asked.body_sha256)
        if known is not None:  # asked again: what has changed since does not matter
            return known
        mode = (await self.training_config()).default_execution_mode
        admitted = await self._desk.judge(self._admission.judge, asked, mode)
        if isinstance(admitted, IdenticalModel):
            return admitted
        operation_id = asked.operation_id or new_operation_id()
        draft = admitted.operation(operation_id, asked.body_sha256, self._clock(), self._environments)
        if parent is not None:
            draft = retried(draft, parent)
        operation, is_new = await self._desk.write(self._book.submit, draft, idempotency_key, asked.body_sha256)
        if is_new:
            self._meters.submitted(operation)
        self._desk.tell(operation)
        self._notices.wake(work_in(operation.execution.environment))
        return operation

    async def plan(self, request: TrainingRequest | Mapping[str, Any]) -> dict[str, Any]:
        """Say what `start` would do, and train nothing."""
        asked = TrainingRequest.parse(request)
        mode = (await self.training_config()).default_execution_mode
        admitted, plan = await self._desk.judge(self._admission.plan, asked, mode)
        known = {"placement": admitted.why, "identical_model": admitted.identical_model}
        return {"strategy_name": admitted.strategy.name, **known, **plan.model_dump(mode="json")}

    async def check(self, request: CheckRequest | Mapping[str, Any]) -> dict[str, Any]:
        """Say what a strategy makes of its bars, and whether it knows the future where that is asked."""
        return await self._desk.judge(self._admission.check, CheckRequest.parse(request))

    async def get(self, operation_id: str) -> OperationView:
        """Return the operation as it is now."""
        operation = await self._desk.write(self._book.get, operation_id)
        now: dict[str, Any] = {}
        if operation.status is OperationStatus.PENDING:
            queue = await self._queue_now()
            now |= {"queue": queue.place(operation), "status_reason": queue.reason(operation)}
        now["metrics"] = await self._metrics_of(operation_id)
        return self._view_of(operation, **now)

    async def page(self, **filters: Any) -> Page[OperationSummary]:
        """Return one page of operations, newest first; progress of the running ones with it."""
        found = await self._desk.write(functools.partial(self._book.page, **filters))
        is_any_pending = any(operation.status is OperationStatus.PENDING for operation in found.items)
        queue = await self._queue_now() if is_any_pending else None
        items = [self._summary_of(operation, queue) for operation in found.items]
        return Page(items=items, total_count=found.total_count, next_cursor=found.next_cursor)

    async def metrics(self, operation_id: str) -> dict[str, Any] | None:
        """Return the epochs of the newest attempt, the best of them and two judgements; None before the first."""
        return await self._metrics_of(operation_id)

    async def metrics_json(self, operation_id: str) -> str:
        """Return as JSON what `metrics` does, with no epochs where that is None: a long history is read only once."""
        history = await self._desk.write(self._book.history, operation_id)
        return await asyncio.to_thread(history.metrics_json)

    async def log(self, operation_id: str, offset: int = 0) -> tuple[str, int, bool]:
        """Return log lines from byte `offset` on, the next offset, and whether it has ended."""
        operation = await self._desk.write(self._book.get, operation_id)
        text, offset = await self._desk.write(self._logs.read, operation_id, offset)
        return text, offset, operation.is_terminal

    async def cancel(
        self, operation_id: str, reason: str = "Cancelled by the user", force: bool = False
    ) -> OperationView:
        """Ask the operation to stop. The row is written before anybody is woken."""
        asked_s = self._meters.clock()
        operation = await self._desk.write(self._book.request_cancel, operation_id, reason, force)
        if operation.is_terminal:
            await self._desk.settle(operation)
        else:
            self._meters.cancel_asked(operation_id, asked_s)
            self._desk.tell(operation)
            self._notices.wake(stop_of(operation_id), operation)
            await asyncio.sleep(0)  # the training first, then the answer
        return self._view_of(operation)

    async def resume(self, operation_id: str) -> OperationView:
        """Put an operation that failed or was cancelled back into the queue, to go on from its checkpoint."""
        operation = await self._desk.write(self._book.resume, operation_id)
        self._desk.tell(operation)
        self._notices.wake(work_in(operation.execution.environment))
        return await self.get(operation_id)

    async def retry_transfer(self, operation_id: str) -> OperationView:
        """Reopen an attempt that failed, to hand over what it has trained from the node where that lies.

        Asked again while it hands over, it changes nothing.

        Raises
        ------
        TransitionRefused
            If it has not failed, nothing is kept of it, or nobody would take it up.
        ArtifactAway
            If that node is not there.
        """
        operation, artifact = await self._desk.write(self._book.transferable, operation_id)
        if operation.transferring:  # asked again: whether its node is still there is the dispatcher's to find
            return self._view_of(operation)
        environment = operation.execution.environment
        if environment not in self._environments.names:
            asked = f"handed over again: environment {environment} is not configured any more"
            raise TransitionRefused(operation_id, operation.status.value, asked)
        view = await asyncio.to_thread(self._view)
        if view.again(artifact.node, artifact.address, environment) is None:
            raise ArtifactAway(operation_id, artifact.node, artifact.address, artifact.path)
        reopened = await self._desk.write(self._book.retry_transfer, operation_id)
        self._desk.tell(reopened)
        self._notices.wake(transfers_in(environment))
        return self._view_of(reopened)

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

    async def environments(self) -> EnvironmentList:
        """Return what is configured, what is there of it, and what it has to do."""
        counts = await self._desk.write(self._book.active_by_environment)
        busy = await self._desk.write(self._book.busy)
        return environment_list(self._environments, await asyncio.to_thread(self._view), counts, busy)

    async def former_environments(self) -> list[Environment]:
        """Return the environments that are not configured and have operations which have not ended."""
        counts = await self._desk.write(self._book.active_by_environment)
        return [Environment(name=name, mode="former") for name in counts if name not in self._environments.names]

    async def _metrics_of(self, operation_id: str) -> dict[str, Any] | None:
        history = await self._desk.write(self._book.history, operation_id)
        return await asyncio.to_thread(history.metrics)  # off the writer's thread: a long one takes a while

    def _summary_of(self, operation: Operation, queue: QueueNow | None) -> OperationSummary:
        known = (
            {"status_reason": queue.reason(operation)} if queue and operation.status is OperationStatus.PENDING else {}
        )
        return OperationSummary.of(operation, self._desk.progress_of(operation), self._clock(), **known)

    async def _queue_now(self) -> QueueNow:
        ahead, n_busy = await self._desk.write(self._book.queue)
        view = await asyncio.to_thread(self._view)
        return QueueNow(ahead, n_busy, view, self._environments, self._clock())
