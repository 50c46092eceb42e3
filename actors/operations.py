"""OperationsActor: the book of operations, made reachable. Owns no training.

The class is undecorated: tests hold it as an object; `actors.house` makes it a named, detached actor.
"""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from actors.admission import Admission, again, claim_of, retried
from actors.default_mode import DefaultMode
from actors.desk import Desk, state_of
from actors.hub import END, Event
from actors.leases import LOOK_S, START_S, Leases
from actors.meters import OperationMeters
from actors.notices import end_of, stop_of, wait_for, work_in
from actors.operation_logs import OperationLogs
from actors.places import environment_list
from actors.runners import Claim
from actors.suspension import Suspension
from actors.waiting_room import WaitingRoom
from actors.words import CANCEL, GIVEN_UP_AFTER, LAPSED, OVER, RUN, SUSPEND, TIMEOUT, Watched, overdue
from cluster.environments import Environment, Environments
from cluster.view import ClusterView
from cluster.waiting import pending_reason
from ktrdr.errors import TransitionRefused
from ktrdr.operations import (
    UNDER_WAY,
    Operation,
    OperationBook,
    OperationError,
    OperationStatus,
    new_operation_id,
    utc_now,
    utc_text,
)
from ktrdr.results import TrainingResult
from ktrdr.training import CheckpointPolicy
from ktrdr.wire import (
    CheckRequest,
    ConfigChange,
    EnvironmentList,
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
        environments: Environments,
        configured_mode: str | None = None,
        checkpoint_policy: CheckpointPolicy | None = None,
        clock: Callable[[], datetime] = utc_now,
        leases: Leases | None = None,
        meters: OperationMeters | None = None,
    ) -> None:
        self._checkpoint_policy = checkpoint_policy or CheckpointPolicy()
        self._book, self._admission, self._logs, self._view = book, admission, logs, view
        self._environments, self._clock, self._leases = environments, clock, leases or Leases()
        self._default_mode = DefaultMode(book, configured_mode, environments)
        self._desk = Desk(book, meters)
        self._hub, self._notices, self._meters = self._desk.hub, self._desk.notices, self._desk.meters
        self._suspension = Suspension(book, self._desk)
        self.waiting_room = WaitingRoom(book, self._desk, admission.selector, view, clock)

    async def ping(self) -> str:
        """Answer, to say that the actor lives."""
        return "ok"

    async def exposition(self) -> str:
        """Return what is measured here in Prometheus' text format, the gauges as they are now."""
        counts, view = await asyncio.gather(asyncio.to_thread(self._book.counts), asyncio.to_thread(self._view))
        self._meters.show(counts, view)
        return self._meters.text()

    # -- for clients -------------------------------------------------------------------------------------------------

    async def submit(self, request: TrainingRequest | Mapping[str, Any], idempotency_key: str | None = None) -> str:
        """Judge `request`, enter a pending operation and return its id. The same key or id makes one operation."""
        return (await self.start(request, idempotency_key)).operation_id

    async def start(
        self, request: TrainingRequest | Mapping[str, Any], idempotency_key: str | None = None
    ) -> TrainingStarted:
        """As `submit`, answering with the placement and its reason."""
        asked = TrainingRequest.parse(request)
        return TrainingStarted.of(await self._enter(asked, idempotency_key))

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
        """Judge what is asked and enter it as a pending operation; what was asked before is what was entered then."""
        known = await self._desk.write(self._book.submitted, asked.operation_id, idempotency_key, asked.body_sha256)
        if known is not None:  # asked again: what has changed since does not matter
            return known
        mode = (await self.training_config()).default_execution_mode
        admitted = await self._desk.judge(self._admission.judge, asked, mode)
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
            n_busy = len(await self._desk.write(self._book.under_way, environment))
            now["queue"] = Queue(position=ahead + 1, ahead=ahead)
            is_configured = environment in self._environments.names
            why = pending_reason(environment, gpu, ahead, view, n_busy, is_configured)
            # what became of the attempt before it is still the reason, too
            now["status_reason"] = f"{operation.status_reason} {why}" if operation.attempt else why
            if operation.attempt == 0 and not view.of(environment, require_gpu=gpu):
                now["status_reason"] += self._patience_left(operation)
        now["metrics"] = await self._metrics_of(operation_id)
        return self._view_of(operation, **now)

    async def page(self, **filters: Any) -> Page[OperationSummary]:
        """Return one page of operations, newest first; progress of the running ones with it."""
        found = await self._desk.write(functools.partial(self._book.page, **filters))
        now, progress_of = self._clock(), self._desk.progress_of
        items = [OperationSummary.of(operation, progress_of(operation), now) for operation in found.items]
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
            self._notices.wake(stop_of(operation_id))
        return self._view_of(operation)

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

    async def environments(self) -> EnvironmentList:
        """Return what is configured, what is there of it, and what it has to do."""
        counts = await self._desk.write(self._book.active_by_environment)
        return environment_list(self._environments, await asyncio.to_thread(self._view), counts)

    async def former_environments(self) -> list[Environment]:
        """Return the environments that are not configured and have operations which have not ended."""
        counts = await self._desk.write(self._book.active_by_environment)
        return [Environment(name=name, mode="former") for name in counts if name not in self._environments.names]

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
        settled = await self._desk.write(self._book.requeue, operation_id, attempt, reason, counts)
        await self._desk.settle(settled, is_lost=counts)

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
            await self._stopped_uncancelled(operation_id, attempt)
        await self._desk.settle(settled)

    async def _stopped_uncancelled(self, operation_id: str, attempt: int) -> None:
        operation = await self._desk.write(self._book.get, operation_id)
        if operation.attempt != attempt:
            return
        if self._suspension.covers(operation):
            await self._suspension.put_back(operation)
        elif message := overdue(operation, self._environments, self._clock()):
            await self.fail(operation_id, attempt, OperationError(kind="timeout", message=message))
        else:
            await self.requeue(operation_id, attempt, "The training stopped without being asked to.")

    async def watch(self, operation_id: str, attempt: int, timeout_s: float) -> Watched:
        """For the attempt's dispatcher: as `wait_for_cancel`, and "lapsed" once nothing has been heard for too long.

        Before that, when the lease has run out once, the operation says that it is unreachable.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            changed = self._notices.next(stop_of(operation_id))
            operation = await self._desk.write(self._book.get, operation_id)
            word, reason = self._word(operation, attempt)
            node = operation.execution.node if operation.attempt == attempt else None
            if word != OVER and (lapse := await self._lapse(operation)):
                word, reason = LAPSED, lapse
            if word != RUN or (remaining := deadline - time.monotonic()) <= 0:
                return Watched(word, reason, node, operation.cancel_forced)
            await wait_for(changed, min(remaining, LOOK_S))

    async def _lapse(self, operation: Operation) -> str | None:
        """Return why the attempt is to be given up, if it is; record its silence when its lease has run out once."""
        operation_id, attempt, node = operation.operation_id, operation.attempt, operation.execution.node
        silent_s = self._leases.silent_s(operation_id, attempt)
        lease_s = self._environments.limits_of(operation.execution.environment).lease_s
        if node is None:
            return f"It did not start within {silent_s:.0f} s." if silent_s >= START_S else None
        if silent_s >= GIVEN_UP_AFTER * lease_s:
            return f"Nothing was heard of node {node[:8]} for {silent_s:.0f} s."
        if silent_s >= lease_s and operation.unreachable_since is None:
            since = utc_text(self._clock() - timedelta(seconds=silent_s))
            patience_s = GIVEN_UP_AFTER * lease_s
            self._desk.tell(await self._desk.write(self._book.unreachable, operation_id, attempt, since, patience_s))
        return None

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
        self._leases.heard(operation_id, attempt)
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
        """Take a training's news: the newest progress, every epoch and log line since the last acknowledged report.

        A report of nothing says that the training lives. Every one is a word by which its lease begins anew, before
        anything is written: a full disk is not the training's silence.
        """
        if self._leases.heard(operation_id, attempt) > LOOK_S:
            self._desk.tell(await self._desk.write(self._book.heard_again, operation_id, attempt))
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
        """Return (word, reason) once the attempt must stop, or (RUN, None) after `timeout_s`.

        CANCEL: it was cancelled. TIMEOUT: it has run as long as its environment lets it. SUSPEND: the service or its
        node ends, and it will go on later. OVER: it has ended, and another attempt may have begun.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            changed = self._notices.next(stop_of(operation_id))
            operation = await self._desk.write(self._book.get, operation_id)
            word, reason = self._word(operation, attempt)
            if word != RUN or (remaining := deadline - time.monotonic()) <= 0:
                return (word, reason)
            await wait_for(changed, min(remaining, self._longest_s(operation)))

    def _word(self, operation: Operation, attempt: int) -> tuple[str, str | None]:
        if operation.attempt != attempt or operation.status not in UNDER_WAY:
            self._notices.wake(stop_of(operation.operation_id))
            return (OVER, None)
        if operation.status is OperationStatus.CANCELLING:
            return (CANCEL, operation.cancel_reason)
        if self._suspension.concerns(operation):
            return (SUSPEND, self._suspension.reason(operation))
        if not operation.committing and (message := overdue(operation, self._environments, self._clock())):
            return (TIMEOUT, message)
        return (RUN, None)

    def _longest_s(self, operation: Operation) -> float:
        """Return how long a poll may sleep before the attempt is overdue."""
        longest_s = self._environments.limits_of(operation.execution.environment).max_duration_s
        return math.inf if longest_s is None else max(longest_s - operation.attempt_ran_s(self._clock()), 0.05)

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

    async def _metrics_of(self, operation_id: str) -> dict[str, Any] | None:
        history = await self._desk.write(self._book.history, operation_id)
        return await asyncio.to_thread(history.metrics)  # off the writer's thread: a long one takes a while

    def _view_of(self, operation: Operation, **known: Any) -> OperationView:
        return OperationView.of(operation, self._desk.progress_of(operation), self._clock(), **known)

    def _patience_left(self, operation: Operation) -> str:
        wait_s = operation.request.get("wait_for_node_s")
        if wait_s is None:
            return ""
        left_s = max(wait_s - operation.waited_s(self._clock()), 0.0)
        return f" It waits {left_s:.0f} s more for one."
