"""Reads YAML 1.2 into plain values, safely and within limits.

Values are made straight from the parser's events, so nothing of a hostile file is built before it is judged: explicit
tags and repeated keys are refused; nesting, aliases and the number of values are bounded. Dates stay texts.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
)

from ktrdr.declaration import KeyPath, dotted
from ktrdr.errors import Problem
from ktrdr.strategy.plain import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_PROBLEMS,
    MAX_VALUES,
    depth_of,
    is_writable,
    size_of,
)
from ktrdr.strategy.syntax import syntax_problem

MAX_ALIASES = 50

# The core schema of YAML 1.2 (section 10.3.2): `yes`, `on` and dates are texts.
_NULL = re.compile(r"null|Null|NULL|~|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL, _HEX = r"0o[0-7]+", r"0x[0-9a-fA-F]+"
_FLOAT = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMBER = re.compile(f"{_OCTAL}|{_HEX}|{_FLOAT}|{_SPECIAL.pattern}")


_Node: TypeAlias = AliasEvent | ScalarEvent | CollectionStartEvent


class Place(NamedTuple):
    """Where something stands in the text, from 1."""

    line: int
    column: int


class _Unreadable(Exception):
    """Reading stops here; the problem is noted."""


class Reader:
    """Reads one text. Afterwards: `problems`, and where each key and each value stands."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self.keys: dict[KeyPath, Place] = {}
        self.starts: dict[KeyPath, Place] = {}
        self._text = text
        self._events = _events(text)
        self._anchored: dict[str, Any] = {}
        self._n_aliases = 0
        self._n_values = 0

    def read(self) -> Any:
        """Return the values; without meaning when there are problems."""
        try:
            return self._document()
        except YAMLError as error:
            self.problems.append(syntax_problem(error, self._text))
        except _Unreadable:
            pass
        return None

    def _document(self) -> Any:
        value, n_documents = None, 0
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                n_documents += 1
                if n_documents > 1:
                    self._stop((), event, "a second document begins here", "Keep one document in a file.")
                if event.version not in (None, (1, 2)):
                    self._stop((), event, "the file is YAML 1.2", "Remove the % line.")
            elif isinstance(event, _Node):
                value = self._node(event, ())
        return value

    def _node(self, event: _Node, path: KeyPath) -> Any:
        if not _is_empty(event):
            self.starts[path] = _place(event)
        if isinstance(event, AliasEvent):
            return self._alias(event, path)
        if event.tag is not None:
            self._note(path, event, f"the tag '{event.tag[:60]}' is refused", "Remove it: values need no tags.")
        self._count(1, path, event)
        value: Any
        if isinstance(event, ScalarEvent):
            value = self._scalar(event, path)
        elif len(path) >= MAX_DEPTH:
            self._stop(path[:3], event, f"nested more than {MAX_DEPTH} levels deep")
        else:
            value = self._mapping(path) if isinstance(event, MappingStartEvent) else self._sequence(path)
        if event.anchor is not None:
            self._anchored[event.anchor] = value
        return value

    def _sequence(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        for event in self._events:
            if isinstance(event, CollectionEndEvent):
                break
            items.append(self._node(event, (*path, len(items))))
        return items

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, CollectionEndEvent):
                break
            key = self._key(event, path)
            if key in entries:
                first = self.keys[*path, key]
                keep_one = f"Keep one of them: the first is on line {first.line}."
                self._note((*path, key), event, f"the key '{key[:60]}' is here twice", keep_one)
            self.keys.setdefault((*path, key), _place(event))
            value = self._node(next(self._events), (*path, key))
            entries.setdefault(key, value)
        return entries

    def _key(self, event: Event, path: KeyPath) -> str:
        if not isinstance(event, ScalarEvent):
            self._stop(path, event, "a key must be a text", "Quote a text that begins with [, { or *.")
        if event.tag is not None:
            self._note(path, event, f"the tag '{event.tag[:60]}' is refused", "Remove it: keys need no tags.")
        if event.value == "<<" and event.style is None:
            self._note((*path, "<<"), event, "the merge key '<<' is not read", "Write the keys out.")
        key = self._scalar(event, path)
        if not isinstance(key, str):
            self._note(path, event, f"the key {event.value or 'here'} is not a text", "Put it in quotes.")
        return str(event.value)

    def _scalar(self, event: ScalarEvent, path: KeyPath) -> str | int | float | bool | None:
        text = str(event.value)
        if not is_writable(text):
            self._note(path, event, "the text holds half of a surrogate pair", "Write the character itself.")
        if event.style is not None:
            return text
        if _NULL.fullmatch(text):
            return None
        if _BOOL.fullmatch(text):
            return text.lower() == "true"
        if len(text) > MAX_DIGITS and _NUMBER.fullmatch(text):
            self._note(path, event, f"a number of more than {MAX_DIGITS} digits", "Shorten it, or quote a text.")
            return None
        return _number(text) if _NUMBER.fullmatch(text) else text

    def _alias(self, event: AliasEvent, path: KeyPath) -> Any:
        self._n_aliases += 1
        if self._n_aliases > MAX_ALIASES:
            self._stop(path[:3], event, f"more than {MAX_ALIASES} aliases (*)", "Write the values out.")
        if event.anchor not in self._anchored:
            message = f"the alias '*{event.anchor[:60]}' names nothing above it"
            self._stop(path, event, message, "Quote the text if it is no alias.")
        value = self._anchored[event.anchor]
        self._count(size_of(value), path, event)
        if len(path) + depth_of(value) > MAX_DEPTH:
            self._stop(path[:3], event, f"nested more than {MAX_DEPTH} levels deep")
        # A copy: what is later changed at one place must not change at the other.
        return copy.deepcopy(value)

    def _count(self, n_values: int, path: KeyPath, event: Event) -> None:
        self._n_values += n_values
        if self._n_values > MAX_VALUES:
            self._stop(path[:3], event, f"more than {MAX_VALUES:,} values")

    def _note(self, path: KeyPath, event: Event, message: str, suggestion: str | None = None) -> None:
        self.problems.append(Problem(dotted(path), message, suggestion, *_place(event)))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _Unreadable

    def _stop(self, path: KeyPath, event: Event, message: str, suggestion: str | None = None) -> NoReturn:
        self._note(path, event, message, suggestion)
        raise _Unreadable


def _number(text: str) -> int | float:
    """Return what a text that matches `_NUMBER` says."""
    if text.startswith(("0o", "0x")):
        return int(text[2:], 8 if text[1] == "o" else 16)
    if _INT.fullmatch(text):
        return int(text)
    return float(text.replace(".", "", 1) if _SPECIAL.fullmatch(text) else text)


def _events(text: str) -> Iterator[Any]:
    # The safe reader: it has no use for comments, and only events are taken from it.
    yaml = YAML(typ="safe", pure=True)
    try:
        yield from yaml.parse(text)
    except (ValueError, OverflowError):
        # ruamel.yaml hands "\\UFFFFFFFF" to chr() as it is.
        raise MarkedYAMLError(problem="escape", problem_mark=yaml.reader.get_mark()) from None


def _is_empty(event: Event) -> bool:
    # The parser places a value that is not there at whatever comes next.
    return isinstance(event, ScalarEvent) and event.style is None and not event.value


def _place(event: Event) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)
