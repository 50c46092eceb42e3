"""What pydantic found wrong with a document, said in the document's own terms: its paths, its lines, plain words."""

from __future__ import annotations

import difflib
import re
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError

from ktrdr.declaration import Declaration, shown
from ktrdr.errors import Problem, did_you_mean
from ktrdr.strategy.document import Document
from ktrdr.strategy.plain import MAX_PROBLEMS, KeyPath

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


def problems_in(error: ValidationError, document: Document, root: type[Declaration]) -> list[Problem]:
    """Return each finding as a problem with the document's own path, line, column and what would be right.

    `root` is the model that refused the document.
    """
    findings: list[dict[str, Any]] = [dict(item) for item in error.errors(include_url=False)[:MAX_PROBLEMS]]
    misspelled = {
        (path[:-1], did_you_mean(path[-1], fields_at(root, item["loc"][:-1])))
        for item in findings
        if item["type"] == "extra_forbidden"
        for path in [_path(item["loc"], document.values)]
    }
    problems = []
    for item in findings:
        path = _path(item["loc"], document.values)
        if item["type"] == "extra_forbidden":
            problems.append(_unknown_key(path, fields_at(root, item["loc"][:-1]), document))
        elif item["type"] == "union_tag_not_found":
            problems.append(_untagged(item, path, document, root))
        elif item["type"] == "missing":
            # One misspelled key is one problem: it is not missing as well.
            if (path, _guess(item["loc"][-1])) not in misspelled:
                problems.append(_missing_key(item, path, document))
        else:
            problems.append(_wrong_value(item, path, document))
    if error.error_count() > MAX_PROBLEMS:
        problems.append(Problem("", f"{error.error_count() - MAX_PROBLEMS} more problems are not listed"))
    return problems


def fields_at(root: type[Declaration], loc: KeyPath) -> tuple[str, ...]:
    """Return the keys that a mapping may have at `loc`, a location as pydantic gives it, tags of unions included."""
    return tuple(name for leaf in _reached(root, loc) for name in leaf.model_fields)


def _reached(root: type[Declaration], loc: KeyPath) -> list[type[Declaration]]:
    """Return the models that may stand at `loc`."""
    reached: list[Any] = [root]
    for part in loc:
        inner = [kind for leaf in reached for kind in _inside(leaf, part)]
        tagged = [leaf for leaf in reached if part in _tags(leaf)]
        reached = inner or tagged or reached
    return [leaf for leaf in reached if _is_declaration(leaf)]


def _inside(leaf: Any, part: str | int) -> list[Any]:
    """Return the types that a type has at one key or position, unions taken apart."""
    if _is_declaration(leaf):
        return _leaves(leaf.model_fields[part].annotation) if part in leaf.model_fields else []
    if get_origin(leaf) is dict:
        return _leaves(get_args(leaf)[1]) if isinstance(part, str) else []
    if get_origin(leaf) in (tuple, list):
        return _leaves(get_args(leaf)[0]) if isinstance(part, int) else []
    return []


def _leaves(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _leaves(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [leaf for member in get_args(annotation) for leaf in _leaves(member)]
    return [annotation]


def _tags(leaf: Any) -> set[Any]:
    """Return the values by which a union tells a declaration from its other members."""
    if not _is_declaration(leaf):
        return set()
    literals = (field.annotation for field in leaf.model_fields.values() if get_origin(field.annotation) is Literal)
    return {value for literal in literals for value in get_args(literal)}


def _is_declaration(leaf: Any) -> bool:
    return isinstance(leaf, type) and issubclass(leaf, Declaration)


def _path(loc: KeyPath, values: Any) -> KeyPath:
    """Return the part of pydantic's location that stands in the document: not its tags, not levels that it adds."""
    path: list[str | int] = []
    for part in loc:
        is_key = isinstance(values, dict) and part in values
        is_position = isinstance(values, list) and isinstance(part, int) and part < len(values)
        if is_key or is_position:
            values = values[part]
            path.append(part)
    return tuple(path)


def _unknown_key(path: KeyPath, known: tuple[str, ...], document: Document) -> Problem:
    key = document.written(path)[-1]
    suggestion = did_you_mean(key, known) or f"Known here: {', '.join(known)}."
    return document.problem(path, f"unknown key '{_short(key)}'", suggestion, at_key=True)


def _missing_key(item: dict[str, Any], path: KeyPath, document: Document) -> Problem:
    name = str(item["loc"][-1])
    near = difflib.get_close_matches(name, document.keys_at(path), n=1)
    return document.missing((*path, name), f"Is '{_short(near[0])}' meant to be '{name}'?" if near else None)


def _untagged(item: dict[str, Any], path: KeyPath, document: Document, root: type[Declaration]) -> Problem:
    tag = item["ctx"]["discriminator"].strip("'")
    near = difflib.get_close_matches(tag, document.keys_at(path), n=1)
    if near:
        return document.problem((*path, near[0]), f"unknown key '{_short(near[0])}'", _guess(tag), at_key=True)
    known = (get_args(leaf.model_fields[tag].annotation)[0] for leaf in _reached(root, item["loc"]))
    return document.missing((*path, tag), f"One of: {', '.join(known)}.")


def _wrong_value(item: dict[str, Any], path: KeyPath, document: Document) -> Problem:
    kind, value, context = item["type"], item["input"], item.get("ctx", {})
    at_key = item["loc"][-1:] == ("[key]",) or isinstance(value, dict | list)
    if kind == "union_tag_invalid":
        tag = context["discriminator"].strip("'")
        message = f"unknown {tag} {_bare(value.get(tag))}"
        return document.problem((*path, tag), message, _nearest(value.get(tag), context["expected_tags"]))
    if kind in ("literal_error", "enum"):
        return document.problem(path, f"unknown value {_bare(value)}", _nearest(value, context["expected"]))
    if kind in _EXPECTED:
        return document.problem(path, f"expected {_EXPECTED[kind]}, got {shown(value)}", at_key=at_key)
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return document.problem(path, f"must be {words} {context[name]:g}, got {shown(value)}")
    if kind == "too_short":
        message = f"needs at least {context['min_length']}, has {context['actual_length']}"
        return document.problem(path, message, at_key=at_key)
    message = str(item["msg"]).removeprefix("Value error, ")
    return document.problem(path, message[:1].lower() + message[1:], at_key=at_key)


def _nearest(wrong: Any, expected: str) -> str:
    known = re.findall(r"'([^']*)'", expected)
    if str(wrong) in known:
        return f"Put it in quotes: '{wrong}'."
    return did_you_mean(wrong, known) or f"One of: {', '.join(known)}."


def _bare(value: Any) -> str:
    return shown(value).removesuffix(" (text)")


def _guess(name: str | int) -> str:
    return f"Did you mean '{name}'?"


def _short(key: str | int) -> str:
    return f"{key}"[:60]
