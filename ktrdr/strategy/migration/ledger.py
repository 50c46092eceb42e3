"""What a migration changed and what it could not carry, noted as it goes."""

from __future__ import annotations

from typing import Any

from ktrdr.declaration import KeyPath
from ktrdr.errors import Problem
from ktrdr.strategy.document import Document
from ktrdr.strategy.names import NAME


class Ledger:
    """Notes about one older file: `changes`, and `left_behind` with the place of each in that file."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.changes: list[str] = []
        self.left_behind: list[Problem] = []

    def change(self, message: str) -> None:
        """Note something that is written differently and means the same."""
        self.changes.append(message)

    def leave(self, path: KeyPath, reason: str, suggestion: str | None = None) -> None:
        """Note something that is not in the result, and why."""
        self.left_behind.append(self.document.problem(path, reason, suggestion, at_key=True))


def legal_name(text: object, taken: Any = ()) -> str:
    """Return `text` as a name that a strategy may use and that is not in `taken`."""
    cleaned = "".join(character if _may_stand(character) else "_" for character in str(text)).lstrip("_-")[:60]
    name = cleaned.rstrip("_-") or "unnamed"
    number = 2
    while name in taken:
        name, number = f"{cleaned.rstrip('_-') or 'unnamed'}_{number}", number + 1
    return name


def _may_stand(character: str) -> bool:
    return bool(NAME.fullmatch(f"a{character}"))


def letters(text: object) -> str:
    """Return the letters and digits of a text in lower case: `Bollinger_Bands` and `bollingerbands` are one name."""
    return "".join(character for character in str(text).lower() if character.isalnum())
