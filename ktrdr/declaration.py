"""What every declared thing is: a frozen, closed, strictly typed pydantic model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from ktrdr.errors import Problem, StrategyError, did_you_mean


class Declaration(BaseModel):
    """A part of a strategy. Unknown keys, wrong types and non-finite numbers are errors, never defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, validate_default=False)


def shown(value: Any) -> str:
    """Return a value as a message shows it: short, and with its kind where that is not plain to see."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"{value} (true or false)".lower()
    if isinstance(value, str):
        return f"'{value if len(value) <= 40 else value[:37] + '...'}' (text)"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return f"{value}"


BuiltT = TypeVar("BuiltT")


def build_declared(adapter: TypeAdapter[BuiltT], config: Any, what: str) -> BuiltT:
    """Validate `config` with `adapter`.

    Raises
    ------
    StrategyError
        With one problem for each thing that is wrong, its path inside `config` and what would be right.
    """
    try:
        return adapter.validate_python(config)
    except ValidationError as error:
        raise StrategyError(problems_of(error), what) from None


def problems_of(error: ValidationError) -> tuple[Problem, ...]:
    """Return pydantic's findings as problems, in its order."""
    return tuple(
        Problem(".".join(str(part) for part in item["loc"]), _message(item), suggestion_of(item))
        for item in error.errors(include_url=False)
    )


def _message(item: Any) -> str:
    if item["type"] == "extra_forbidden":
        return f"unknown key '{item['loc'][-1]}'"
    message = str(item["msg"]).removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def suggestion_of(item: Any) -> str | None:
    """Return the nearest of what one of pydantic's findings expected, or all of it; None where it names nothing."""
    expected = (item.get("ctx") or {}).get("expected_tags") or (item.get("ctx") or {}).get("expected")
    if not expected:
        return None
    names = [name.strip(" '\"") for name in str(expected).replace(" or ", ", ").split(",")]
    wrong = (item.get("ctx") or {}).get("tag", item.get("input"))
    return did_you_mean(wrong, names) or f"One of: {', '.join(names)}."
