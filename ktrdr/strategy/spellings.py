"""Older spellings of keys that users' files still carry, each read as the key it stands for."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, NamedTuple

from ktrdr.declaration import dotted
from ktrdr.errors import Problem
from ktrdr.strategy.document import Document


class Spelling(NamedTuple):
    """One older path and the present one; `*` is any key. `only_if` is a key beside the old one and its value."""

    old: tuple[str, ...]
    new: tuple[str, ...]
    only_if: tuple[str, str] | None = None


_LABELS = ("training", "labels")
_BARRIERS = ("source", "triple_barrier")
_MACD = ("type", "macd")

# In this order: labels may have to move out of `model.training` first.
SPELLINGS = (
    Spelling(("model", "training", "*"), ("training", "*")),
    Spelling(("training_data", "symbols", "symbols"), ("training_data", "symbols", "list"), ("mode", "multi_symbol")),
    Spelling(("training_data", "start_date"), ("training_data", "date_range", "start")),
    Spelling(("training_data", "end_date"), ("training_data", "date_range", "end")),
    Spelling(("training_data", "date_range", "start_date"), ("training_data", "date_range", "start")),
    Spelling(("training_data", "date_range", "end_date"), ("training_data", "date_range", "end")),
    Spelling((*_LABELS, "profit_target_atr"), (*_LABELS, "pt_multiplier"), _BARRIERS),
    Spelling((*_LABELS, "stop_loss_atr"), (*_LABELS, "sl_multiplier"), _BARRIERS),
    Spelling((*_LABELS, "max_holding_bars"), (*_LABELS, "max_holding_period"), _BARRIERS),
    Spelling((*_LABELS, "atr_period"), (*_LABELS, "vol_span"), _BARRIERS),
    Spelling(("indicators", "*", "fast"), ("indicators", "*", "fast_period"), _MACD),
    Spelling(("indicators", "*", "slow"), ("indicators", "*", "slow_period"), _MACD),
    Spelling(("indicators", "*", "signal"), ("indicators", "*", "signal_period"), _MACD),
)


_RETIRED = (("context_data",), ("training_data", "context_data"))
_IMPORTED = "Import the series as bars, and give the indicator that reads it a `data_source`."


def respell(document: Document) -> tuple[Document, tuple[str, ...], tuple[Problem, ...]]:
    """Return the document in present spelling, a note for each key that was older, and where both are given."""
    values, moved = copy.deepcopy(document.values), dict(document.moved)
    notes: list[str] = []
    problems: list[Problem] = []
    for path in _RETIRED:
        parent = _lookup(values, path[:-1])
        if isinstance(parent, dict) and path[-1] in parent:
            del parent[path[-1]]
            problems.append(document.problem(path, "context_data is not read", _IMPORTED, at_key=True))
    for spelling in SPELLINGS:
        for old in _matches(values, spelling.old, ()):
            parent = _lookup(values, old[:-1])
            if spelling.only_if is not None and parent.get(spelling.only_if[0]) != spelling.only_if[1]:
                continue
            new = _present(spelling, old)
            written = replace(document, moved=moved)
            target = _mapping_for(values, new[:-1])
            if target is None:
                continue  # something there is no mapping: the schema says so
            value = parent.pop(old[-1])
            if new[-1] in target:
                both = f"'{dotted(written.written(old))}' is the older spelling of '{dotted(new)}', and both are given"
                problems.append(written.problem(old, both, f"Keep '{dotted(new)}' alone.", at_key=True))
                _drop_if_empty(values, old[:-1])
                continue
            target[new[-1]] = value
            notes.append(f"'{dotted(written.written(old))}' is read as '{dotted(new)}', its present spelling.")
            moved[new] = written.written(old)
            _drop_if_empty(values, old[:-1])
    return replace(document, values=values, moved=moved), tuple(notes), tuple(problems)


def present_path_of(path: tuple[str, ...], values: dict[str, Any]) -> tuple[str, ...]:
    """Return the present spelling of a path into `values`, which are in present spelling."""
    for spelling in SPELLINGS:
        length = len(spelling.old)
        if not _fits(path[:length], spelling.old):
            continue
        new = _present(spelling, path[:length])
        if spelling.only_if is None or _lookup(values, (*new[:-1], spelling.only_if[0])) == spelling.only_if[1]:
            path = (*new, *path[length:])
    return path


def _present(spelling: Spelling, old: tuple[str, ...]) -> tuple[str, ...]:
    wild = iter(part for part, pattern in zip(old, spelling.old, strict=True) if pattern == "*")
    return tuple(next(wild) if part == "*" else part for part in spelling.new)


def _fits(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    return len(path) == len(pattern) and all(part in ("*", key) for key, part in zip(path, pattern, strict=True))


def _lookup(values: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path of keys, None where there is none."""
    for part in path:
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _matches(values: Any, pattern: tuple[str, ...], path: tuple[str, ...]) -> list[tuple[str, ...]]:
    if not pattern:
        return [path]
    if not isinstance(values, dict):
        return []
    keys = list(values) if pattern[0] == "*" else [key for key in values if key == pattern[0]]
    return [found for key in keys for found in _matches(values[key], pattern[1:], (*path, key))]


def _mapping_for(values: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the mapping at `path`, made where there is none; None where something else stands."""
    for part in path:
        inner = values.setdefault(part, {})
        if not isinstance(inner, dict):
            return None
        values = inner
    return values


def _drop_if_empty(values: dict[str, Any], path: tuple[str, ...]) -> None:
    if path == ("model", "training") and not values["model"]["training"]:
        del values["model"]["training"]
