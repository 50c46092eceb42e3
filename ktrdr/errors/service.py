"""A service's, as its HTTP client saw it."""

from __future__ import annotations

from ktrdr.errors.problem import Problem
from ktrdr.errors.root import KtrdrError


class ServiceError(KtrdrError):
    """A service's, as its HTTP client saw it."""


class ServiceRefused(ServiceError):
    """The service answered with a problem: status, title, and everything that is wrong."""

    def __init__(self, status: int, title: str, detail: str, problems_given: tuple[Problem, ...] = ()) -> None:
        super().__init__(status, title, detail, problems_given)
        self.status, self.title, self.detail, self.problems_given = status, title, detail, problems_given

    def __str__(self) -> str:
        return self.detail

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self.problems_given or (Problem("", self.detail),)


class ServiceUnreachable(ServiceError):
    """Nobody answers at the service's address."""

    kind = "infrastructure"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __str__(self) -> str:
        return f"No answer from {self.url}."

    @property
    def suggestion(self) -> str | None:
        return "Start it with `ktrdr up`, or set KTRDR_URL to the address of a service that runs."
