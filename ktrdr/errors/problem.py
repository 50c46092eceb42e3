"""One thing that is wrong, and what it was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where (dotted path; line and column from 1), what, and what to do."""

    path: str
    message: str
    suggestion: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = f"line {self.line}, column {self.column}: " if self.line is not None else ""
        where = f"{self.path}: " if self.path else ""
        stop = "" if self.message.endswith((".", "?", "!")) else "."
        return f"{place}{where}{self.message}" + (f"{stop} {self.suggestion}" if self.suggestion else "")

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that are set."""
        return {k: v for k, v in asdict(self).items() if v is not None}


def did_you_mean(wrong: object, known: Iterable[str]) -> str | None:
    """Return "Did you mean ...?" for the nearest of `known`, else None."""
    near = difflib.get_close_matches(str(wrong), list(known), n=1, cutoff=0.6)
    if not near:
        folded = {k.lower(): k for k in known}
        near = [folded[str(wrong).lower()]] if str(wrong).lower() in folded else []
    return f"Did you mean '{near[0]}'?" if near else None


def nearest_or_list(wrong: str, known: Iterable[str], noun: str) -> str:
    """Return what a name was meant to be, where one is near, and the names there are."""
    names = sorted(known)
    if not names:
        return f"There are no {noun} yet."
    guess = did_you_mean(wrong, names)
    return guess_and_list(guess, names, noun)


def guess_and_list(guess: str | None, names: list[str], noun: str) -> str:
    """Return a guess, and the names there are, the first dozen of them."""
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"{guess} Known {noun}: {shown}." if guess else f"Known {noun}: {shown}."
