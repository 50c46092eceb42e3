"""What dispatchers ask of the OperationsActor, and tell it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence

from actors.admission import claim_of
from actors.leases import LOOK_S
from actors.notices import stop_of, transfers_in, wait_for, work_in
from actors.operations.surface import Surface
from actors.runners import Claim
from actors.words import LAPSED, OVER, RUN, Watched
from ktrdr.operations import KeptArtifact, Operation, OperationError, OperationStatus
from ktrdr.results import TrainingResult


class ForDispatchers(Surface):
    """Claim an attempt, watch it, and say how it ended."""

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
        claim = functools.partial(self._book.claim, environment, owner, _pairs(held), has_gpu)
        return await self._given(claim, environment, owner, work_in(environment), timeout_s)

    async def claim_transfer(
        self, environment: str, owner: str, held: Sequence[tuple[str, int]] = (), timeout_s: float = 0.0
    ) -> Claim | None:
        """Give the oldest attempt that was reopened for its artifact to `owner`, waiting as `claim` does."""
        claim = functools.partial(self._book.claim_transfer, environment, owner, _pairs(held))
        return await self._given(claim, environment, owner, transfers_in(environment), timeout_s)

    async def _given(
        self, claim: Callable[[], Operation | None], environment: str, owner: str, topic: str, timeout_s: float
    ) -> Claim | None:
        deadline = time.monotonic() + timeout_s
        while True:
            work = self._notices.next(topic)
            operation = None
            if not self._suspension.has_begun and self._owners.setdefault(environment, owner) == owner:
                operation = await self._desk.write(claim)
            if operation is not None:
                self._desk.tell(operation)
                return claim_of(operation, self._checkpoint_policy, self._artifact_encoding)
            if (remaining := deadline - time.monotonic()) <= 0:
                return None
            await wait_for(work, remaining)

    async def orphans(self, environment: str, owner: str) -> list[tuple[str, int]]:
        """Return (id, attempt) of what runs in `environment` but is owned by nobody alive."""
        self._owners[environment] = owner  # before the read: a claim that comes to be before it is found by it
        found = await self._desk.write(self._book.orphans, environment, owner)
        return [(operation.operation_id, operation.attempt) for operation in found]

    async def watch(self, operation_id: str, attempt: int, timeout_s: float) -> Watched:
        """For the attempt's dispatcher: as `wait_for_cancel`, and "lapsed" once nothing has been heard for too long.

        Before that, when the lease has run out once, the operation says that it is unreachable.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            changed = self._notices.next(stop_of(operation_id))
            operation = await self._desk.write(self._book.get, operation_id)
            word, reason = self._orders.word(operation, attempt)
            node = operation.execution.node if operation.attempt == attempt else None
            if word != OVER and (lapse := await self._orders.lapse(operation)):
                word, reason = LAPSED, lapse
            if word != RUN or (remaining := deadline - time.monotonic()) <= 0:
                return Watched(word, reason, node, operation.cancel_forced)
            await wait_for(changed, min(remaining, LOOK_S))

    async def fence(self, operation_id: str, attempt: int) -> bool:
        """Let an attempt that is given up begin no commit any more; say whether it had begun one."""
        return await self._desk.write(self._book.fence, operation_id, attempt)

    async def requeue(self, operation_id: str, attempt: int, reason: str, counts: bool = True) -> None:
        """Record that infrastructure ended the attempt: it is tried again, while attempts are left.

        One that ran too long, or was about to be suspended, ends by that, however its process ended.
        """
        operation = await self._desk.write(self._book.get, operation_id)
        if counts and operation.attempt == attempt and operation.status is OperationStatus.RUNNING:
            if self._suspension.covers(operation):
                counts, reason = False, self._suspension.reason(operation)
            elif not operation.committing and (message := self._orders.overdue(operation)):
                await self.fail(operation_id, attempt, OperationError(kind="timeout", message=message))
                return
        settled = await self._desk.write(self._book.requeue, operation_id, attempt, reason, counts)
        await self._settle(settled, is_lost=counts)

    async def complete(self, operation_id: str, attempt: int, result: TrainingResult) -> bool:
        """Record the committed attempt's result; False for a late report of an ended or older attempt."""
        settled = await self._desk.write(self._book.complete, operation_id, attempt, result.model_dump(mode="json"))
        await self._settle(settled)
        return settled is not None

    async def fail(
        self, operation_id: str, attempt: int, error: OperationError, artifact: KeptArtifact | None = None
    ) -> None:
        """Record why the attempt failed, and where what it has trained is kept, if it is."""
        progress = self._hub.progress(operation_id)
        if progress and error.step is None:
            error = error.model_copy(update={"step": progress["current_step"]})
        await self._settle(await self._desk.write(self._book.fail, operation_id, attempt, error, artifact))

    async def acknowledge_cancel(self, operation_id: str, attempt: int) -> None:
        """Record that the attempt has stopped because it was asked to; what else stopped it is `requeue`'s to find."""
        settled = await self._desk.write(self._book.acknowledge_cancel, operation_id, attempt)
        if settled is None:
            await self.requeue(operation_id, attempt, "The training stopped without being asked to.")
        await self._settle(settled)

    async def _settle(self, operation: Operation | None, is_lost: bool = False) -> None:
        if operation is not None:
            self._leases.end(operation.operation_id)
        await self._desk.settle(operation, is_lost)


def _pairs(held: Sequence[tuple[str, int]]) -> set[tuple[str, int]]:
    return {(operation_id, attempt) for operation_id, attempt in held}
