"""Values that a request puts in place of the file's, judged like the file."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ktrdr.declaration import KeyPath, dotted, is_declared
from ktrdr.errors import Problem
from ktrdr.strategy.document import Document
from ktrdr.strategy.plain import plain_values
from ktrdr.strategy.schema import Strategy
from ktrdr.strategy.spellings import present_path_of


def override(document: Document, overrides: Mapping[str, Any]) -> tuple[Document, tuple[Problem, ...]]:
    """Return the document with each dotted path of `overrides` set to its value, and what could not be set.

    None removes the key; an item of a list is not removed, as that would move those after it. A mapping on the way that
    is not there is made: if it is no key of a strategy, the schema says so.
    """
    values = copy.deepcopy(document.values)
    problems: list[Problem] = []
    given: set[KeyPath] = set()
    for dotted_path, value in overrides.items():
        parts = present_path_of(tuple(str(dotted_path).split(".")), values)
        plain, found = plain_values(value, parts)
        problems.extend(found)
        if plain is None and not found and _is_item(values, parts):
            message = "an item of a list cannot be removed by itself"
            problems.append(Problem(str(dotted_path), message, "Put the whole list in place of the file's."))
            continue
        path = None if found else _remove(values, parts) if plain is None else _set(values, parts, plain)
        if path in given:
            problems.append(Problem(str(dotted_path), f"'{dotted(path)}' is set twice", "Keep one of the two."))
        elif path is not None:
            given.add(path)
        elif not found:
            problems.append(Problem(str(dotted_path), "there is nothing that can be set at this path"))
    kept = replace(
        document,
        values=values,
        keys={path: place for path, place in document.keys.items() if not _is_under(path, given)},
        starts={path: place for path, place in document.starts.items() if not _is_under(path, given)},
        moved={new: old for new, old in document.moved.items() if not _is_under(new, given)},
        overridden=document.overridden | given,
    )
    return kept, tuple(problems)


def _set(values: Any, parts: tuple[str, ...], value: Any) -> KeyPath | None:
    """Set the value in place; return its path, or None where a part of it leads nowhere."""
    path: list[str | int] = []
    for position, part in enumerate(parts):
        key = _key_in(values, part)
        if key is None:
            return None
        path.append(key)
        if position == len(parts) - 1:
            values[key] = value
        else:
            values = values.setdefault(key, {}) if isinstance(values, dict) else values[key]
    return tuple(path)


def _remove(values: Any, parts: tuple[str, ...]) -> KeyPath | None:
    """Remove a key in place; a key that no strategy has is set to None for the schema to refuse."""
    way: list[str | int] = []
    container = values
    for part in parts[:-1]:
        key = _key_in(container, part)
        if key is None or (isinstance(container, dict) and key not in container):
            break
        way.append(key)
        container = container[key]
    path = (*way, *parts[len(way) :])
    if isinstance(container, dict) and len(way) == len(parts) - 1 and parts[-1] in container:
        del container[parts[-1]]
        return path
    if isinstance(container, dict) and is_declared(Strategy, path, values):
        return path
    return _set(values, parts, None)


def _is_item(values: Any, parts: tuple[str, ...]) -> bool:
    """Return whether an item of a list stands at the path."""
    for part in parts[:-1]:
        key = _key_in(values, part)
        if key is None or (isinstance(values, dict) and key not in values):
            return False
        values = values[key]
    return isinstance(values, list) and _key_in(values, parts[-1]) is not None


def _key_in(container: Any, part: str) -> str | int | None:
    if isinstance(container, dict):
        return part
    is_position = isinstance(container, list) and re.fullmatch("[0-9]{1,6}", part) and int(part) < len(container)
    return int(part) if is_position else None


def _is_under(path: KeyPath, given: set[KeyPath]) -> bool:
    return any(path[: len(one)] == one for one in given)
