"""The operations, as a client asks for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ktrdr.client.address import segment
from ktrdr.client.calls import Calls
from ktrdr.client.events import ServiceEvent
from ktrdr.operations import new_operation_id


class OperationCalls(Calls):
    """The routes under `/operations` as methods."""

    def operation(self, operation_id: str) -> dict[str, Any]:
        """Return the operation as it is now."""
        return self._object("GET", _operation(operation_id))

    def operations(self, **filters: Any) -> dict[str, Any]:
        """Return one page; filters: status, strategy, active, limit, cursor."""
        return self._object(
            "GET", "/operations", params={key: value for key, value in filters.items() if value is not None}
        )

    def metrics(self, operation_id: str) -> dict[str, Any]:
        """Return the epochs so far."""
        return self._object("GET", f"{_operation(operation_id)}/metrics")

    def result(self, operation_id: str) -> dict[str, Any]:
        """Return the result of a completed operation."""
        return self._object("GET", f"{_operation(operation_id)}/result")

    def logs(self, operation_id: str) -> list[dict[str, Any]]:
        """Return the operation's log records so far."""
        answer = self._send("GET", f"{_operation(operation_id)}/logs")
        return [json.loads(line) for line in answer.text.splitlines()]

    def follow_logs(self, operation_id: str) -> Iterator[dict[str, Any]]:
        """Yield the operation's log records as they come until it has ended; a broken connection costs none."""
        return self._streams.log(_operation(operation_id))

    def cancel(self, operation_id: str, reason: str | None = None, force: bool = False) -> dict[str, Any]:
        """Ask the operation to stop."""
        body: dict[str, Any] = {"force": force, **({"reason": reason} if reason else {})}
        return self._object("POST", f"{_operation(operation_id)}/cancel", json=body)

    def resume(self, operation_id: str) -> dict[str, Any]:
        """Let an operation that failed or was cancelled go on from its checkpoint."""
        return self._object("POST", f"{_operation(operation_id)}/resume")

    def retry(self, operation_id: str) -> dict[str, Any]:
        """Start what an operation that has ended asked for again; answers as `train` does, with another `operation_id`.

        That id is minted here, so that a repeated call after a lost answer makes one operation.
        """
        body = {"operation_id": new_operation_id()}
        return self._object("POST", f"{_operation(operation_id)}/retry", json=body)

    def retry_transfer(self, operation_id: str) -> dict[str, Any]:
        """Hand over again what the operation has trained and the store could not take; nothing is trained."""
        return self._object("POST", f"{_operation(operation_id)}/retry-transfer")

    def download_artifact(self, operation_id: str, path: str | Path) -> str:
        """Write what a failed hand-over left to a file, and return its SHA-256, which has been verified.

        The file is there whole or not at all; one of that name is replaced.

        Raises
        ------
        StorageError
            If it cannot be written, or is not what was sent.
        """
        return self._download(f"{_operation(operation_id)}/artifact", Path(path))

    def events(self, operation_id: str, last_event_id: int | None = None) -> Iterator[ServiceEvent]:
        """Yield the operation's news until its `end`; a broken stream is taken up again where it broke."""
        return self._streams.events(_operation(operation_id), last_event_id)

    def wait(self, operation_id: str) -> dict[str, Any]:
        """Return the operation once it has ended."""
        for event in self.events(operation_id):
            if event.event == "end":
                return event.payload
        raise AssertionError("unreachable: events() ends with `end` or raises")


def _operation(operation_id: str) -> str:
    return f"/operations/{segment(operation_id)}"
