"""A fuzzy set: named terms over one output of an indicator."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, SerializerFunctionWrapHandler, model_serializer, model_validator

from ktrdr.declaration import Declaration
from ktrdr.fuzzy.memberships import AnyMembership

TERM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def _is_a_term(name: str) -> str:
    if not TERM.fullmatch(name):
        raise ValueError(f"{name!r} is not a term's name: it must match {TERM.pattern}")
    return name


class FuzzySet(Declaration):
    """Terms over one indicator's values, in a file `{indicator: rsi_14, low: [0, 25, 40], high: [60, 80, 100]}`.

    `indicator` may name one output (`macd.line`), else the first is meant. Every other key is a term; their order is
    the order of the features.
    """

    indicator: str
    memberships: dict[Annotated[str, AfterValidator(_is_a_term)], AnyMembership]

    @model_validator(mode="before")
    @classmethod
    def _gather_terms(cls, config: Any) -> Any:
        if not isinstance(config, dict):
            return config
        if "fit" in config or "terms" in config:
            raise ValueError("sets fitted on data are not supported: give each term's parameters")
        terms = {name: membership for name, membership in config.items() if name != "indicator"}
        if not terms:
            raise ValueError("has no term: add at least one, such as low: [0, 25, 40]")
        named = {"indicator": config["indicator"]} if "indicator" in config else {}
        return {**named, "memberships": terms}

    @model_serializer(mode="wrap")
    def _as_in_a_file(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        dump: dict[str, Any] = fields(self)
        terms = dump.pop("memberships", {})  # a dump may exclude fields
        return {**dump, **terms}
