"""What may stand where: the models and keys that a type has at a location, unions taken apart."""

from __future__ import annotations

import types
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, Tag

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the root, `("nn_inputs", 0, "fuzzy_set")`."""


def dotted(path: KeyPath) -> str:
    """Return a path as it is written in messages, `nn_inputs.0.fuzzy_set`."""
    return ".".join(str(part) for part in path)


def fields_at(root: Any, loc: KeyPath) -> tuple[str, ...]:
    """Return the keys that a mapping may have at `loc`, a location as pydantic gives it, tags of unions included."""
    return tuple(name for leaf in models_at(root, loc) for name in leaf.model_fields)


def models_at(root: Any, loc: KeyPath) -> list[type[BaseModel]]:
    """Return the models that may stand at `loc` in a value of type `root`."""
    return [kind for kind in _kinds_at(root, loc) if _is_model(kind)]


def is_declared(root: Any, path: KeyPath, values: Any) -> bool:
    """Return whether `root` has a field at `path`; an entry of a free mapping or list counts where `values` has it."""
    reached = _members(root)
    for part in path:
        is_there = part in values if isinstance(values, dict) else isinstance(values, list)
        entered = [member.kind for member in reached if is_there or _is_model(member.kind)]
        reached = [member for kind in entered for member in _inside(kind, part)]
        values = values[part] if is_there else None
    return bool(reached)


def is_section(root: Any, loc: KeyPath) -> bool:
    """Return whether what stands at `loc` is a mapping, by its type."""
    return any(_is_model(kind) or get_origin(kind) is dict for kind in _kinds_at(root, loc))


def is_required(root: Any, loc: KeyPath) -> bool:
    """Return whether the key at `loc` must be there."""
    fields = [model.model_fields[str(loc[-1])] for model in models_at(root, loc[:-1]) if loc[-1] in model.model_fields]
    return any(field.is_required() for field in fields)


def required_at(root: Any, loc: KeyPath) -> tuple[str, ...]:
    """Return the keys that a mapping must have at `loc`, whichever of the models there it is."""
    models = models_at(root, loc)
    names = dict.fromkeys(name for model in models for name in model.model_fields)
    return tuple(name for name in names if all(_must_have(model, name) for model in models))


def name_at(root: Any, loc: KeyPath) -> str | None:
    """Return by which value the unions around `loc`, tags included, tell what stands there; None without a union."""
    return next((member.name for member in _reached(root, loc) if _is_model(member.kind)), None)


def owners_of(root: Any, path: KeyPath, key: str | int) -> tuple[str, ...]:
    """Return the names of the union's members that have `key` in a mapping at `path`, a location without tags."""
    members = (member for member in _reached(root, path) if _is_model(member.kind) and key in member.kind.model_fields)
    return tuple(dict.fromkeys(member.name for member in members if member.name and key in _written(member.kind)))


def choices_at(root: Any, loc: KeyPath) -> tuple[str, ...]:
    """Return the values that what stands at `loc` is limited to; none where it is not."""
    return tuple(str(value) for kind in _kinds_at(root, loc) if get_origin(kind) is Literal for value in get_args(kind))


class _Member(NamedTuple):
    """A type, and the values by which the unions around it tell it from their other members; `name` is the nearest."""

    kind: Any
    tags: frozenset[str]
    name: str | None = None


def _kinds_at(root: Any, loc: KeyPath) -> list[Any]:
    """Return the types that what stands at `loc` may have."""
    return [member.kind for member in _reached(root, loc)]


def _reached(root: Any, loc: KeyPath) -> list[_Member]:
    reached = _members(root)
    for part in loc:
        inner = [
            member._replace(name=member.name or outer.name) for outer in reached for member in _inside(outer.kind, part)
        ]
        tagged = [member for member in reached if part in member.tags | _literals(member.kind)]
        reached = inner or tagged or reached
    return reached


def _inside(kind: Any, part: str | int) -> list[_Member]:
    """Return the types that a type has at one key or position, unions taken apart."""
    if _is_model(kind):
        fields = {field.validation_alias or name: field for name, field in kind.model_fields.items()}
        return _members(fields[part].annotation) if part in fields else []
    if get_origin(kind) is dict:
        return _members(get_args(kind)[1]) if isinstance(part, str) else []
    if get_origin(kind) in (tuple, list):
        return _members(get_args(kind)[0]) if isinstance(part, int) else []
    return []


def _members(annotation: Any, tags: frozenset[str] = frozenset()) -> list[_Member]:
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        return _members(inner, tags | {item.tag for item in metadata if isinstance(item, Tag)})
    if get_origin(annotation) in (Union, types.UnionType):
        members = (member for inner in get_args(annotation) for member in _members(inner, tags))
        return [member._replace(name=member.name or _name_of(member)) for member in members]
    return [_Member(annotation, tags)]


def _name_of(member: _Member) -> str | None:
    fields = member.kind.model_fields.values() if _is_model(member.kind) else ()
    literals = (field.annotation for field in fields if get_origin(field.annotation) is Literal)
    return next((str(get_args(literal)[0]) for literal in literals), next(iter(member.tags), None))


def _must_have(model: type[BaseModel], name: str) -> bool:
    return name in model.model_fields and model.model_fields[name].is_required()


@cache
def _written(model: type[BaseModel]) -> frozenset[str]:
    """Return the keys of a model as it is written, which need not be its fields."""
    return frozenset(model.model_json_schema()["properties"])


def _literals(kind: Any) -> set[Any]:
    """Return the values by which a union's discriminating field tells a model from its other members."""
    if not _is_model(kind):
        return set()
    literals = (field.annotation for field in kind.model_fields.values() if get_origin(field.annotation) is Literal)
    return {value for literal in literals for value in get_args(literal)}


def _is_model(leaf: Any) -> bool:
    return isinstance(leaf, type) and issubclass(leaf, BaseModel)
