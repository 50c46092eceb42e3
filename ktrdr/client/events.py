"""News of an operation, as a client receives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class ServiceEvent:
    """One server-sent event: `progress` and `state` while it lives, `end` with the whole operation."""

    id: int
    event: Literal["progress", "state", "end"]
    payload: dict[str, Any]
