"""Actors' handles over plain objects: a call gives what `get` calls for the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Handle:
    """`handle.method.remote(...)` for any method of `actor`."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> Method:
        return Method(getattr(self._actor, name))


class Method:
    def __init__(self, method: Callable[..., Any]) -> None:
        self.remote = lambda *given: lambda: method(*given)


def get_now(answer: Any) -> Any:
    """Return what a call answers; a value that was put is itself."""
    return answer() if callable(answer) else answer
