"""The root of the tree, and forms that several of its branches share."""

from __future__ import annotations

from typing import ClassVar, Literal

from ktrdr.errors.problem import Problem, nearest_or_list

ErrorKind = Literal["config", "data", "training", "infrastructure", "result_transfer", "timeout"]


class KtrdrError(Exception):
    """Root of the tree. `kind` is what an operation records; `suggestion` says what to do next."""

    kind: ClassVar[ErrorKind] = "training"
    path: str = ""
    """The field or key at fault, dotted; empty where none is."""
    advice: str | None = None

    @property
    def suggestion(self) -> str | None:
        """What the reader can do about it, in a sentence."""
        return self.advice

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong, one entry each."""
        return (Problem(self.path, str(self), self.suggestion),)


class Unknown(KtrdrError):
    """A name that names nothing, with the names that would."""

    noun: ClassVar[str]
    plural: ClassVar[str]

    def __init__(self, name: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def __str__(self) -> str:
        return f"{self.noun} not found: {self.name}"

    @property
    def suggestion(self) -> str | None:
        return nearest_or_list(self.name, self.known, self.plural)


class Stated(KtrdrError):
    """An error whose sentence and advice are given where it is raised."""

    def __init__(self, message: str, advice: str | None = None) -> None:
        super().__init__(message, advice)
        self.message, self.advice = message, advice

    def __str__(self) -> str:
        return self.message


class Listed(KtrdrError):
    """Everything that is wrong with a file; `source` is its name."""

    def __init__(self, problems: tuple[Problem, ...], source: str) -> None:
        super().__init__(problems, source)
        self._problems, self.source = problems, source

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._problems

    def __str__(self) -> str:
        count = f"{len(self._problems)} problem" + ("s" if len(self._problems) != 1 else "")
        return f"{self.source}: {count}\n" + "\n".join(f"  {p}" for p in self._problems)


class CancellationError(KtrdrError):
    """The training was asked to stop, and did."""

    def __init__(self, reason: str = "Operation cancelled") -> None:
        super().__init__(reason)
        self.reason = reason
