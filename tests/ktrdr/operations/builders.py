"""Operations and a clock for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ktrdr.operations import Execution, KeptArtifact, Operation


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2025, 1, 31, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


KEPT = KeptArtifact(node="node-1", address="10.0.0.5", path="/spool/train-1.artifact", sha256="ab" * 32, size=4096)


def pending(operation_id: str = "train-1", environment: str = "cpu-docker", **changes: Any) -> Operation:
    return Operation(
        **{
            "operation_id": operation_id,
            "status_reason": f"Waiting for a free slot in environment {environment}.",
            "created_at": "2025-01-31T09:30:00.000Z",
            "strategy_name": "momentum",
            "request": {"symbols": ["SP500"], "timeframes": ["1d"]},
            "execution": Execution(
                requested_mode="auto", mode="local", environment=environment, reason="no GPU needed"
            ),
            **changes,
        }
    )
