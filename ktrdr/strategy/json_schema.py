"""The JSON Schema of a strategy file, from which editors complete keys and explain them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ktrdr.data.bars import SYMBOL
from ktrdr.strategy.names import NAME
from ktrdr.strategy.schema import Strategy

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_DATE = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_NAMED_SECTIONS = ("indicators", "fuzzy_sets")


def strategy_json_schema() -> dict[str, Any]:
    """Return the schema of the present form, in JSON Schema 2020-12. Older spellings are read as well and not in it.

    It says what may stand where. What parts of a file say of each other, such as names that must exist, it cannot: that
    is `validate_strategy`'s.
    """
    schema = Strategy.model_json_schema()
    parts = schema["$defs"]
    for part in _parts(schema):
        _leave_out_null(part)
        part.pop("discriminator", None)  # of OpenAPI
    for key in ("start", "end"):
        parts["DateRange"]["properties"][key] |= _DATE
    schema["properties"]["name"]["pattern"] = f"^{NAME.pattern}$"
    for section in _NAMED_SECTIONS:
        schema["properties"][section]["propertyNames"] = {"pattern": f"^{NAME.pattern}$"}
    parts["SingleSymbol"]["properties"]["symbol"]["pattern"] = f"^{SYMBOL.pattern}$"
    parts["MultiSymbol"]["properties"]["list"]["items"]["pattern"] = f"^{SYMBOL.pattern}$"
    _allow_the_word(parts["Training"]["properties"]["lr_scheduler"], parts)
    return {"$schema": DIALECT, **schema, "title": "ktrdr strategy"}


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield each mapping in a schema, itself included."""
    if isinstance(schema, dict):
        yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _parts(inner)


def _leave_out_null(part: dict[str, Any]) -> None:
    """Say of a value that may be left out what it is when it is there: nothing after a key is an error."""
    if "default" in part and part["default"] is None:
        del part["default"]
    choices = part.get("anyOf")
    if not isinstance(choices, list) or {"type": "null"} not in choices:
        return
    others = [choice for choice in choices if choice != {"type": "null"}]
    if len(others) > 1:
        part["anyOf"] = others
        return
    del part["anyOf"]
    for key, value in others[0].items():
        part.setdefault(key, value)  # a field's own description comes first


def _allow_the_word(field: dict[str, Any], parts: dict[str, Any]) -> None:
    """Let a mapping that is told by its `type`, and needs nothing else, be written as that word alone."""
    models = [parts[choice["$ref"].rpartition("/")[2]] for choice in field["oneOf"]]
    words = [model["properties"]["type"]["const"] for model in models if model["required"] == ["type"]]
    field["oneOf"] = [{"enum": words}, *field["oneOf"]]
