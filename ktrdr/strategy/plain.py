"""What a strategy may be made of, whether it came as YAML, JSON or Python: plain values, within limits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np

from ktrdr.declaration import KeyPath, dotted, plain_number
from ktrdr.errors import Problem

MAX_DEPTH = 32
MAX_VALUES = 10_000
MAX_PROBLEMS = 200
MAX_DIGITS = 64


def plain_values(value: Any, path: KeyPath = ()) -> tuple[Any, list[Problem]]:
    """Return a deep copy of `value` made of dict, list, str, int, float, bool and None, and what could not be copied.

    Tuples become lists, dates and enum members their texts, numbers and arrays of NumPy plain ones.
    """
    copier = _Copier()
    return copier.copy(value, path), copier.problems


class _Copier:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._n_values = 0

    def copy(self, value: Any, path: KeyPath) -> Any:
        self._n_values += 1
        if len(path) > MAX_DEPTH:
            return self._refuse(path[:3], f"nested more than {MAX_DEPTH} levels deep")
        if self._n_values > MAX_VALUES:
            if self._n_values == MAX_VALUES + 1:
                self._refuse((), f"more than {MAX_VALUES:,} values")
            return None
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, Mapping):
            return {key: self.copy(item, (*path, key)) for key, item in value.items() if self._is_key(key, path)}
        if isinstance(value, list | tuple):
            return [self.copy(item, (*path, position)) for position, item in enumerate(value)]
        return self._scalar(value, path)

    def _scalar(self, value: Any, path: KeyPath) -> Any:
        if isinstance(value, Enum):
            value = value.value
        if isinstance(value, np.generic):
            value = plain_number(value)
        if isinstance(value, dt.date):
            return value.isoformat()
        if isinstance(value, str):
            return value if is_writable(value) else self._refuse(path, "the text holds half of a surrogate pair")
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**MAX_DIGITS:
            return self._refuse(path, f"a number of more than {MAX_DIGITS} digits")
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._refuse(path, "expected a mapping, a list, a text, a number, true, false or null")

    def _is_key(self, key: Any, path: KeyPath) -> bool:
        if isinstance(key, str) and is_writable(key):
            return True
        self._refuse(path, "a key holds half of a surrogate pair" if isinstance(key, str) else "a key is not a text")
        return False

    def _refuse(self, path: KeyPath, message: str) -> None:
        self.problems.append(Problem(dotted(path), message))


def is_writable(text: str) -> bool:
    """Return whether `text` can be stored and printed as UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def size_of(value: Any) -> int:
    """Return the number of values in a plain value, itself included."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(size_of(item) for item in items)


def depth_of(value: Any) -> int:
    """Return how many mappings and lists a plain value nests, itself included."""
    if not isinstance(value, dict | list):
        return 0
    return 1 + max((depth_of(item) for item in (value.values() if isinstance(value, dict) else value)), default=0)
