"""Values that a request puts in place of the file's, judged like the file."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ktrdr.errors import Problem
from ktrdr.strategy.document import Document
from ktrdr.strategy.plain import KeyPath, plain_values
from ktrdr.strategy.spellings import present_path_of


def override(document: Document, overrides: Mapping[str, Any]) -> tuple[Document, tuple[Problem, ...]]:
    """Return the document with each dotted path of `overrides` set to its value, and what could not be set.

    A mapping on the way that is not there is made: if it is no key of a strategy, the schema says so.
    """
    values = copy.deepcopy(document.values)
    problems: list[Problem] = []
    given: set[KeyPath] = set()
    for dotted_path, value in overrides.items():
        parts = present_path_of(tuple(str(dotted_path).split(".")), values)
        plain, found = plain_values(value, parts)
        problems.extend(found)
        path = None if found else _set(values, parts, plain)
        if path is not None:
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


def _key_in(container: Any, part: str) -> str | int | None:
    if isinstance(container, dict):
        return part
    is_position = isinstance(container, list) and re.fullmatch("[0-9]{1,6}", part) and int(part) < len(container)
    return int(part) if is_position else None


def _is_under(path: KeyPath, given: set[KeyPath]) -> bool:
    return any(path[: len(one)] == one for one in given)
