"""A strategy file as plain values, with the line and column of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ktrdr.declaration import KeyPath, dotted
from ktrdr.errors import Problem, StrategyError
from ktrdr.strategy.plain import plain_values
from ktrdr.strategy.reader import Place, Reader

MAX_BYTES = 256 * 1024


@dataclass(frozen=True)
class Document:
    """Plain values (see `ktrdr.strategy.plain`) and where each stands; a document without a text has no places.

    `moved` maps the path of what was renamed since it was read to the path that stands in the text; what lies at a
    path of `overridden` stands in no text.
    """

    values: dict[str, Any]
    source: str = "strategy"
    keys: Mapping[KeyPath, Place] = field(default_factory=dict)
    starts: Mapping[KeyPath, Place] = field(default_factory=dict)
    moved: Mapping[KeyPath, KeyPath] = field(default_factory=dict)
    overridden: frozenset[KeyPath] = frozenset()

    def written(self, path: KeyPath) -> KeyPath:
        """Return `path` as it stands in the text."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.moved:
                return (*self.moved[path[:length]], *path[length:])
        return path

    def problem(self, path: KeyPath, message: str, suggestion: str | None = None, *, at_key: bool = False) -> Problem:
        """Return a problem with the value at `path`, or with its key."""
        path = self.written(self._moved_into(path))
        place = (None if at_key else self.starts.get(path)) or self._nearest_place(path)
        return Problem(dotted(path), message, suggestion, *(place or (None, None)))

    def missing(self, path: KeyPath, suggestion: str | None = None) -> Problem:
        """Return the problem that the key at `path` is not there; it is reported at what should hold it."""
        where = self.problem(path[:-1], "", at_key=True)
        message = f"missing key '{path[-1]}'"
        return Problem(dotted((*self.written(path[:-1]), path[-1])), message, suggestion, where.line, where.column)

    def _moved_into(self, path: KeyPath) -> KeyPath:
        """Return `path`, or the first of what was moved into it where it is in the text only for that."""
        if path in self.keys:
            return path
        return next((new for new in self.moved if new[:-1] == path), path)

    def _nearest_place(self, path: KeyPath) -> Place | None:
        if path not in self.keys and any(shares_a_branch(path, given) for given in self.overridden):
            return None
        # What came through an alias is reported at the nearest thing around it that stands in the text.
        for length in range(len(path), -1, -1):
            place = self.keys.get(path[:length]) or self.starts.get(path[:length])
            if place:
                return place
        return None


def shares_a_branch(path: KeyPath, other: KeyPath) -> bool:
    """Return whether one path lies on the way to the other, or is the other."""
    length = min(len(path), len(other))
    return path[:length] == other[:length]


def document_of(values: Mapping[str, Any], source: str = "strategy") -> Document:
    """Return a document of values that were no text, as from JSON.

    Raises
    ------
    StrategyError
        For what is not a plain value, or too many of them.
    """
    plain, problems = plain_values(values)
    if problems:
        raise StrategyError(tuple(problems), source)
    return Document(plain, source)


def read_document(text: str, source: str = "strategy", first_key: str = "name") -> Document:
    """Return what the YAML `text` says; `first_key` is what one begins with that is a mapping.

    Raises
    ------
    StrategyError
        For a text that is too large, is not YAML, repeats a key, carries an explicit tag, or is not a mapping.
    """
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise StrategyError((Problem("", f"the text is larger than {MAX_BYTES // 1024} KiB"),), source)
    reader = Reader(text)
    values = reader.read()
    if not reader.problems and not isinstance(values, dict):
        message = "the file is empty" if values is None else "the file is not a mapping"
        reader.problems.append(Problem("", message, f"Begin with `{first_key}: ...`.", *reader.starts.get((), (1, 1))))
    if reader.problems:
        raise StrategyError(tuple(reader.problems), source)
    return Document(values, source, reader.keys, reader.starts)
