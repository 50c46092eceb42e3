"""What an attempt has trained and the model store has not taken yet: where it waits, and its hand-over made again."""

from __future__ import annotations

from collections.abc import Collection

from ktrdr.errors import TransitionRefused
from ktrdr.operations import reasons
from ktrdr.operations.attempts import AttemptBook, under_way
from ktrdr.operations.operation import UNDER_WAY, KeptArtifact, Operation, OperationStatus
from ktrdr.operations.readings import existing


class TransferBook(AttemptBook):
    """The artifacts of operations, and the attempts that are reopened for them."""

    def artifact_kept(self, operation_id: str, attempt: int, artifact: KeptArtifact) -> bool:
        """Record where what the attempt has trained is kept; False for a late report."""
        with self._store.writing() as rows:
            operation = under_way(rows, operation_id, attempt)
            if operation is not None:
                rows.replace(operation.changed(artifact=artifact, trained=True))
            return operation is not None

    def transferable(self, operation_id: str) -> tuple[Operation, KeptArtifact]:
        """Return an operation whose hand-over can be made again, or already is, and what there is to hand over.

        Raises
        ------
        TransitionRefused
            If it has not failed, or nothing is kept of it.
        """
        with self._store.reading() as rows:
            operation = existing(rows, operation_id)
            return operation, _artifact_of(operation)

    def retry_transfer(self, operation_id: str) -> Operation:
        """Reopen an attempt that failed and left an artifact: it is running again, to be claimed by `claim_transfer`.

        One that is reopened already is returned as it is: who asks again has not heard the answer.

        Raises
        ------
        TransitionRefused
            As `transferable`.
        """
        now = self._clock()
        with self._store.writing() as rows:
            operation = existing(rows, operation_id)
            _artifact_of(operation)
            if operation.transferring:
                return operation
            execution = operation.execution.model_copy(update={"node": None})
            reopened = {"owner": None, "error": None, "transferring": True, "execution": execution}
            why = reasons.handing_over(operation)
            return rows.replace(operation.moved(OperationStatus.RUNNING, now, status_reason=why, **reopened))

    def claim_transfer(self, environment: str, owner: str, held: Collection[tuple[str, int]] = ()) -> Operation | None:
        """Give the oldest reopened attempt of an environment that nobody owns to `owner`; None if there is none.

        `held` as in `claim`: one that the owner was given and does not know of is returned again.
        """
        with self._store.writing() as rows:
            for reopened in rows.in_environment(environment, UNDER_WAY):
                is_lost = reopened.owner == owner and (reopened.operation_id, reopened.attempt) not in held
                if reopened.transferring and (is_lost or reopened.owner is None):
                    return rows.replace(reopened.changed(owner=owner))
            return None


def _artifact_of(operation: Operation) -> KeptArtifact:
    is_reopened = operation.status is OperationStatus.RUNNING and operation.transferring
    if operation.status is not OperationStatus.FAILED and not is_reopened:
        asked = "handed over again: only one that failed can be"
        raise TransitionRefused(operation.operation_id, operation.status.value, asked)
    if operation.artifact is None:
        asked = "handed over again: no artifact of it is kept"
        raise TransitionRefused(operation.operation_id, operation.status.value, asked)
    return operation.artifact
