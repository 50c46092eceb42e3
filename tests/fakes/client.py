"""A client without a service: answers as the routes do, from what a test puts into it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ktrdr.client import ServiceEvent
from ktrdr.errors import Problem, ServiceRefused


def not_found(what: str, path: str, suggestion: str) -> ServiceRefused:
    """Return the service's answer to a name it does not know."""
    return ServiceRefused(404, "Unknown", f"{what} not found", (Problem(path, f"{what} not found", suggestion),))


class FakeClient:
    """Records what it is asked. An answer that is an exception is raised; events that are exceptions, too."""

    url = "http://127.0.0.1:8000"

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Any]] = []

    def __enter__(self) -> FakeClient:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def train(self, **fields: Any) -> dict[str, Any]:
        return self._answer("train", fields)

    def plan(self, **fields: Any) -> dict[str, Any]:
        return self._answer("plan", fields)

    def operation(self, operation_id: str) -> dict[str, Any]:
        return self._answer("operation", operation_id)

    def environments(self) -> dict[str, Any]:
        return self._answer("environments", None)

    def operations(self, **filters: Any) -> dict[str, Any]:
        return self._answer("operations", filters)

    def logs(self, operation_id: str) -> list[dict[str, Any]]:
        return self._answer("logs", operation_id)

    def follow_logs(self, operation_id: str) -> Iterator[dict[str, Any]]:
        self.asked.append(("follow_logs", operation_id))
        for record in self.answers["follow_logs"]:
            if isinstance(record, BaseException):
                raise record
            yield record

    def cancel(self, operation_id: str, reason: str | None = None, force: bool = False) -> dict[str, Any]:
        return self._answer("cancel", (operation_id, reason, force))

    def resume(self, operation_id: str) -> dict[str, Any]:
        return self._answer("resume", operation_id)

    def retry_transfer(self, operation_id: str) -> dict[str, Any]:
        return self._answer("retry_transfer", operation_id)

    def download_artifact(self, operation_id: str, path: Path) -> str:
        content = self._answer("download_artifact", (operation_id, path))
        path.write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    def retry(self, operation_id: str) -> dict[str, Any]:
        return self._answer("retry", operation_id)

    def wait(self, operation_id: str) -> dict[str, Any]:
        return self._answer("wait", operation_id)

    def models(self, strategy: str | None = None, **filters: Any) -> dict[str, Any]:
        return self._answer("models", (strategy, filters))

    def model(self, strategy: str, name: str) -> dict[str, Any]:
        return self._answer("model", (strategy, name))

    def predict(self, strategy: str, name: str, **asked: Any) -> dict[str, Any]:
        return self._answer("predict", (strategy, name, asked))

    def aliases(self, strategy: str) -> dict[str, Any]:
        return self._answer("aliases", strategy)

    def set_alias(self, strategy: str, name: str, alias: str, by: str | None = None) -> dict[str, Any]:
        return self._answer("set_alias", (strategy, name, alias, by))

    def remove_alias(self, strategy: str, name: str, alias: str, by: str | None = None) -> dict[str, Any]:
        return self._answer("remove_alias", (strategy, name, alias, by))

    def annotate(self, strategy: str, name: str, **changes: Any) -> dict[str, Any]:
        return self._answer("annotate", (strategy, name, changes))

    def delete_model(self, strategy: str, name: str) -> dict[str, Any]:
        return self._answer("delete_model", (strategy, name))

    def prune(self, keep: int, strategy: str | None = None, dry_run: bool = False) -> dict[str, Any]:
        return self._answer("prune", (keep, strategy, dry_run))

    def download_model(self, strategy: str, name: str, path: Path) -> str:
        content: bytes = self._answer("download_model", (strategy, name))  # type: ignore[assignment]
        path.write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    def import_model(self, path: Path) -> dict[str, Any]:
        return self._answer("import_model", path)

    def strategies(self) -> dict[str, Any]:
        return self._answer("strategies", None)

    def strategy(self, name: str) -> dict[str, Any]:
        return self._answer("strategy", name)

    def data(self) -> dict[str, Any]:
        return self._answer("data", None)

    def health(self) -> dict[str, Any]:
        return self._answer("health", None)

    def nodes(self) -> dict[str, Any]:
        return self._answer("nodes", None)

    def events(self, operation_id: str) -> Iterator[ServiceEvent]:
        self.asked.append(("events", operation_id))
        for event in self.answers["events"]:
            if isinstance(event, BaseException):
                raise event
            yield event

    def fields_of(self, method: str) -> Any:
        """Return what `method` was asked with, the last time."""
        return [fields for name, fields in self.asked if name == method][-1]

    def _answer(self, method: str, fields: Any) -> Any:
        self.asked.append((method, fields))
        answer = self.answers[method]
        if isinstance(answer, list) and method in ("operation", "model", "prune"):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer
