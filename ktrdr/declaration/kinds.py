"""What may stand where: the models and keys that a type has at a location, unions taken apart."""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel

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
    reached = _leaves(root)
    for part in path:
        is_there = part in values if isinstance(values, dict) else isinstance(values, list)
        reached = [kind for leaf in reached if is_there or _is_model(leaf) for kind in _inside(leaf, part)]
        values = values[part] if is_there else None
    return bool(reached)


def is_section(root: Any, loc: KeyPath) -> bool:
    """Return whether what stands at `loc` is a mapping, by its type."""
    return any(_is_model(kind) or get_origin(kind) is dict for kind in _kinds_at(root, loc))


def is_required(root: Any, loc: KeyPath) -> bool:
    """Return whether the key at `loc` must be there."""
    fields = [model.model_fields[str(loc[-1])] for model in models_at(root, loc[:-1]) if loc[-1] in model.model_fields]
    return any(field.is_required() for field in fields)


def choices_at(root: Any, loc: KeyPath) -> tuple[str, ...]:
    """Return the values that what stands at `loc` is limited to; none where it is not."""
    return tuple(str(value) for kind in _kinds_at(root, loc) if get_origin(kind) is Literal for value in get_args(kind))


def _kinds_at(root: Any, loc: KeyPath) -> list[Any]:
    """Return the types that what stands at `loc` may have."""
    reached = _leaves(root)
    for part in loc:
        inner = [kind for leaf in reached for kind in _inside(leaf, part)]
        tagged = [leaf for leaf in reached if part in _tags(leaf)]
        reached = inner or tagged or reached
    return reached


def _inside(leaf: Any, part: str | int) -> list[Any]:
    """Return the types that a type has at one key or position, unions taken apart."""
    if _is_model(leaf):
        fields = {field.validation_alias or name: field for name, field in leaf.model_fields.items()}
        return _leaves(fields[part].annotation) if part in fields else []
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
    """Return the values by which a union tells a model from its other members."""
    if not _is_model(leaf):
        return set()
    literals = (field.annotation for field in leaf.model_fields.values() if get_origin(field.annotation) is Literal)
    return {value for literal in literals for value in get_args(literal)}


def _is_model(leaf: Any) -> bool:
    return isinstance(leaf, type) and issubclass(leaf, BaseModel)
