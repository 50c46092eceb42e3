"""The base of every declared thing, and what its own validators raise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

CONFLICT, REFUSED, UNKNOWN_KEY = "conflict", "refused", "unknown_key"


class Declaration(BaseModel):
    """A part of a strategy or of another file of a user's.

    Unknown keys, wrong types and non-finite numbers are errors, never defaults.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, validate_default=False)

    @classmethod
    def advice_on(cls, key: str, value: Any) -> str | None:
        """Return what to do about an unknown key that is known elsewhere, None where nothing special."""
        return None


def conflict(message: str, *keys: str, at: str | None = None) -> PydanticCustomError:
    """Return what a validator raises where each of `keys` is right and they do not go together.

    It stands at the key `at`, or at the mapping. `keys` may be dotted. A conflict is found beside other faults too, and
    left out where one of its own keys has a fault already.
    """
    return PydanticCustomError(CONFLICT, "{message}", {"message": message, "keys": keys, "at": at})


def refused(message: str, suggestion: str | None = None, at: str | None = None) -> PydanticCustomError:
    """Return what a validator raises for a value that is known and refused; `at` may be a key in it."""
    return PydanticCustomError(REFUSED, "{message}", {"message": message, "suggestion": suggestion, "at": at})


def unknown_key(known: Iterable[str]) -> PydanticCustomError:
    """Return the error of a key that is not among `known`, for mappings whose keys depend on their values."""
    return PydanticCustomError(UNKNOWN_KEY, "unknown key", {"known": tuple(known)})


def _is_given(value: Any) -> Any:
    if value is None:
        raise refused("nothing is given")
    return value


OptionalT = TypeVar("OptionalT")
LeftOut = Annotated[OptionalT | None, BeforeValidator(_is_given)]
"""A value that may be left out; a key with nothing after it is an error, not the same as no key."""


def shown(value: Any) -> str:
    """Return a value as a message shows it: short, and with its kind where that is not plain to see."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"{value}".lower()
    if isinstance(value, str):
        return f"'{value if len(value) <= 40 else value[:37] + '...'}' (text)"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return f"{value}"
