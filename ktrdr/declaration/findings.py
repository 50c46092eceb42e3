"""What pydantic found wrong with plain values, said in their own terms: their paths, plain words."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError

from ktrdr.declaration.declared import CONFLICT, REFUSED, UNKNOWN_KEY, Declaration, shown
from ktrdr.declaration.kinds import (
    KeyPath,
    choices_at,
    fields_at,
    is_required,
    is_section,
    models_at,
    name_at,
    owners_of,
    required_at,
)
from ktrdr.errors import did_you_mean

MAX_FINDINGS = 200
_MAX_OWNERS = 3
_MIN_ABBREVIATION = 3

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "a text",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
}
_BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with plain values.

    `is_missing`: nothing stands at `path`, and something must. `at_key`: the key is what is wrong, or all that it
    holds. `meant`: the path of the key that a misspelled one looks like. `keys`: the paths that a conflict is between.
    `is_foreign`: the key belongs to another kind of what stands around it.
    """

    path: KeyPath
    message: str
    suggestion: str | None = None
    at_key: bool = False
    is_missing: bool = False
    meant: KeyPath | None = None
    keys: tuple[KeyPath, ...] = ()
    is_foreign: bool = False


def findings_in(error: ValidationError, root: Any, values: Any) -> list[Finding]:
    """Return what is wrong with `values`, which type `root` refused; the first 200 things and how many more."""
    items: list[dict[str, Any]] = [dict(item) for item in error.errors(include_url=False)[:MAX_FINDINGS]]
    judged = [(item, finding) for item in items if (finding := _finding(item, root, values)) is not None]
    # What a bad name stands for is not judged as well.
    unnamed = {finding.path for item, finding in judged if _is_name(item)}
    found = [finding for item, finding in judged if _is_name(item) or finding.path not in unnamed]
    # One misspelled key is one problem: it is not missing as well. One of another kind says what is needed here.
    misspelled = {finding.meant for finding in found}
    mistaken = {finding.path[:-1] for finding in found if finding.is_foreign}
    found = [
        finding
        for finding in found
        if not (finding.is_missing and (finding.path in misspelled or finding.path[:-1] in mistaken))
    ]
    if error.error_count() > MAX_FINDINGS:
        found.append(Finding((), f"{error.error_count() - MAX_FINDINGS} more problems are not listed"))
    return found


def suggestion_of(item: Any) -> str | None:
    """Return the nearest of what one of pydantic's findings expected, or all of it; None where it names nothing."""
    context = item.get("ctx") or {}
    known = re.findall(r"'([^']*)'", str(context.get("expected_tags") or context.get("expected")))
    if not known:
        return None
    wrong = context.get("tag", item.get("input"))
    if str(wrong) in known and not isinstance(wrong, str):
        return f"Put it in quotes: '{wrong}'."
    return did_you_mean(wrong, known) or f"One of: {', '.join(known)}."


def _finding(item: dict[str, Any], root: Any, values: Any) -> Finding | None:
    kind, path = item["type"], _path(item["loc"], values)
    if kind in ("extra_forbidden", UNKNOWN_KEY):
        foreign = _foreign_key(item, path, root, values) if kind != UNKNOWN_KEY else None
        known = item["ctx"]["known"] if kind == UNKNOWN_KEY else fields_at(root, item["loc"][:-1])
        return foreign or _unknown_key(path, known)
    if kind == "union_tag_not_found":
        return _untagged(item, path, root, values)
    if kind == "missing":
        return _missing(item, path, root, values)
    if kind == "too_short" and len(_value_at(path, values) or ()) >= item["ctx"]["min_length"]:
        return None  # an item has a fault, which pydantic then does not count
    if item["input"] is None:
        return _nothing(item, path, root)
    return _wrong_value(item, path)


def _path(loc: KeyPath, values: Any) -> KeyPath:
    """Return the part of pydantic's location that stands in `values`: not its tags, not levels that it adds."""
    path: list[str | int] = []
    for part in loc:
        is_key = isinstance(values, dict) and part in values
        is_position = isinstance(values, list | tuple) and isinstance(part, int) and part < len(values)
        if is_key or is_position:
            values = values[part]
            path.append(part)
    return tuple(path)


def _value_at(path: KeyPath, values: Any) -> Any:
    for part in path:
        values = values[part]
    return values


def _is_name(item: dict[str, Any]) -> bool:
    return bool(item["loc"][-1:] == ("[key]",))


def _near(name: str | int, path: KeyPath, values: Any, known: tuple[str, ...]) -> str | None:
    """Return the key at `path`, none of those `known` there, that looks like a misspelled `name`."""
    there = _value_at(path, values)
    keys = [key for key in there if isinstance(key, str) and key not in known] if isinstance(there, dict) else []
    return next(iter(difflib.get_close_matches(str(name), keys, n=1)), None)


def _unknown_key(path: KeyPath, known: tuple[str, ...]) -> Finding:
    key = path[-1]
    suggestion = did_you_mean(key, known) or _whole_of(str(key), known)
    meant = (*path[:-1], suggestion.split("'")[1]) if suggestion else None
    listed = suggestion or f"Known here: {', '.join(dict.fromkeys(known))}."
    return Finding(path, f"unknown key '{_short(key)}'", listed, at_key=True, meant=meant)


def _whole_of(key: str, known: tuple[str, ...]) -> str | None:
    """Return the suggestion of the one key that `key` is the beginning of, such as `val` of `validation`."""
    whole = [name for name in dict.fromkeys(known) if len(key) >= _MIN_ABBREVIATION and name.startswith(key)]
    return f"Did you mean '{whole[0]}'?" if len(whole) == 1 else None


def _foreign_key(item: dict[str, Any], path: KeyPath, root: Any, values: Any) -> Finding | None:
    """Return that a key belongs to other kinds of what stands around it, None where it does not."""
    key, around = path[-1], item["loc"][:-1]
    models = models_at(root, around)
    special = (kind.advice_on(str(key), item["input"]) for kind in models if issubclass(kind, Declaration))
    advice = next(filter(None, special), None)
    owners = owners_of(root, path[:-1], key)
    if advice is None and not owners:
        return None
    needed = [name for name in required_at(root, around) if name not in _value_at(path[:-1], values)]
    known = dict.fromkeys(fields_at(root, around))
    here = f"Needed here: {', '.join(needed)}." if needed else f"Known here: {', '.join(known)}."
    of = f"It is a key of {', '.join(owners)}" if len(owners) <= _MAX_OWNERS else f"{name_at(root, around)} has none"
    return Finding(path, f"unknown key '{_short(key)}'", advice or f"{of}. {here}", at_key=True, is_foreign=True)


def _untagged(item: dict[str, Any], path: KeyPath, root: Any, values: Any) -> Finding:
    tag = item["ctx"]["discriminator"].strip("'")
    near = _near(tag, path, values, fields_at(root, item["loc"]))
    if near:
        guess = f"Did you mean '{tag}'?"
        return Finding((*path, near), f"unknown key '{_short(near)}'", guess, at_key=True, meant=(*path, tag))
    known = (get_args(model.model_fields[tag].annotation)[0] for model in models_at(root, item["loc"]))
    return Finding((*path, tag), f"missing key '{tag}'", f"One of: {', '.join(known)}.", is_missing=True)


def _missing(item: Any, path: KeyPath, root: Any, values: Any) -> Finding:
    name = item["loc"][-1]
    near = _near(name, path, values, fields_at(root, item["loc"][:-1]))
    choices = choices_at(root, item["loc"])
    needed = required_at(root, item["loc"])
    one_of = f"One of: {', '.join(choices)}." if choices else f"It needs: {', '.join(needed)}." if needed else None
    advice = f"Is '{_short(near)}' meant to be '{name}'?" if near else one_of
    return Finding((*path, name), f"missing key '{name}'", advice, is_missing=True)


def _nothing(item: dict[str, Any], path: KeyPath, root: Any) -> Finding:
    """Return that a key has no value; to remove it is the other way out where it need not be there."""
    message = f"expected {_EXPECTED[item['type']]}, got nothing" if item["type"] in _EXPECTED else "nothing is given"
    loc = item["loc"]
    values = "its values" if not loc or is_section(root, loc) else "its value"
    advice = f"Give {values}." if not loc or is_required(root, loc) else f"Remove the key or give {values}."
    return Finding(path, message, advice)


def _wrong_value(item: dict[str, Any], path: KeyPath) -> Finding:
    kind, value, context = item["type"], item["input"], item.get("ctx", {})
    is_container = isinstance(value, dict | list | tuple)
    if kind == "union_tag_invalid":
        tag = context["discriminator"].strip("'")
        return Finding((*path, tag), _unknown(tag, value.get(tag)), suggestion_of(item))
    if kind in (CONFLICT, REFUSED):
        at = context["at"]
        keys = tuple((*path, *key.split(".")) for key in context.get("keys", ()))
        at_key = kind == CONFLICT or (is_container and at is None)
        return Finding((*path, at) if at else path, context["message"], context.get("suggestion"), at_key, keys=keys)
    at_key = is_container or _is_name(item)
    return Finding(path, _message(kind, value, context, str(item["msg"])), suggestion_of(item), at_key)


def _message(kind: str, value: Any, context: dict[str, Any], words: str) -> str:
    if kind in ("literal_error", "enum"):
        return _unknown("value", value)
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {shown(value)}"
    if kind in _BOUNDS:
        name, bound = _BOUNDS[kind]
        limit = context[name]
        return f"must be {bound} {limit if isinstance(limit, int) else f'{limit:g}'}, got {shown(value)}"
    if kind == "too_short":
        return f"needs at least {context['min_length']}, has {context['actual_length']}"
    words = words.removeprefix("Value error, ")
    return words[:1].lower() + words[1:]


def _unknown(what: str, value: Any) -> str:
    if isinstance(value, dict | list | tuple):
        return f"expected one {what}, got {shown(value)}"
    return f"unknown {what} {shown(value).removesuffix(' (text)')}"


def _short(key: str | int) -> str:
    return f"{key}"[:60]
