"""A fuzzy set: named terms over one output of an indicator, declared one by one or fitted on the training rows."""

from __future__ import annotations

import difflib
import re
from itertools import groupby
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    Tag,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ktrdr.declaration import Declaration, conflict
from ktrdr.errors import EqualQuantiles
from ktrdr.fuzzy.base import FloatArray
from ktrdr.fuzzy.memberships import AnyMembership

TERM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_KEYS = ("indicator", "fit", "terms")
"""The keys of a set in a file, which therefore name no term."""

# pydantic puts it into an error's location. No term can be called so, and the location stays clear.
_EVERY_TERM = "every term"


def _is_a_term(name: str) -> str:
    if not TERM.fullmatch(name):
        raise ValueError(f"{name!r} is not a term's name: it must match {TERM.pattern}")
    if name in _KEYS:
        raise ValueError(f"a term cannot be called '{name}': that is a key of the set")
    return name


_TERM_SCHEMA = {"type": "string", "pattern": f"^{TERM.pattern}$", "not": {"enum": list(_KEYS)}}
Term = Annotated[str, AfterValidator(_is_a_term), WithJsonSchema(_TERM_SCHEMA)]


class FuzzySet(Declaration):
    """Terms over one indicator's values, in a file `{indicator: rsi_14, low: [0, 25, 40], high: [60, 80, 100]}`.

    `indicator` may name one output (`macd.line`), else the first is meant. Every other key is a term; their order is
    the order of the features.
    """

    indicator: str
    memberships: dict[Term, AnyMembership] = Field(validation_alias=_EVERY_TERM)

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the terms, in order."""
        return tuple(self.memberships)

    def degrees(self, values: FloatArray) -> FloatArray:
        """Return the degrees of (n,) numbers, (n, n_terms) in [0, 1], in the order of `terms`; NaN where NaN is."""
        return np.column_stack([membership(values) for membership in self.memberships.values()])

    @model_validator(mode="before")
    @classmethod
    def _gather_terms(cls, config: Any) -> Any:
        if not isinstance(config, dict):
            return config
        misspelled = _misspelled_indicator(config)
        terms = {name: membership for name, membership in config.items() if name not in ("indicator", misspelled)}
        if not terms:
            raise ValueError("has no term: add at least one, such as low: [0, 25, 40], or fit: quantiles with terms")
        named = {name: config[name] for name in ("indicator", misspelled) if name in config}
        return {**named, _EVERY_TERM: terms}

    @model_serializer(mode="wrap")
    def _as_in_a_file(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        dump: dict[str, Any] = fields(self)
        terms = dump.pop("memberships", {})  # a dump may exclude fields
        return {**dump, **terms}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of the file's form, where the terms stand beside `indicator`."""
        written = handler(core)
        if handler.mode == "serialization":
            return written
        schema = handler.resolve_ref_schema(written)
        (membership,) = schema["properties"].pop(_EVERY_TERM)["patternProperties"].values()
        schema |= {
            "additionalProperties": membership,
            "propertyNames": {"pattern": f"^{TERM.pattern}$", "not": {"enum": ["fit", "terms"]}},
            "required": ["indicator"],
            "minProperties": 2,
        }
        return written


class FittedSet(Declaration):
    """Terms fitted on the training rows, in a file `{indicator: macd.line, fit: quantiles, terms: [low, high]}`."""

    indicator: str
    fit: Literal["quantiles"]
    terms: Annotated[tuple[Term, ...], Field(strict=False, min_length=2, json_schema_extra={"uniqueItems": True})]

    @model_validator(mode="after")
    def _terms_are_distinct(self) -> FittedSet:
        repeated = next((term for term in self.terms if self.terms.count(term) > 1), None)
        if repeated is not None:
            raise conflict(f"the term '{repeated}' is listed twice", "terms", at="terms")
        return self

    @classmethod
    def advice_on(cls, key: str, value: Any) -> str | None:
        is_shape = isinstance(value, dict) or (
            isinstance(value, list | tuple) and not all(isinstance(item, str) for item in value)
        )
        return f"The shapes are fitted: put {key} into terms, or remove fit and terms." if is_shape else None

    def fitted_on(self, values: FloatArray) -> FuzzySet:
        """Return the set whose terms lie on the quantiles of `values`.

        The k terms have their centres at the (i + 1/2)/k quantiles, interpolated linearly. Each falls from its centre
        to its neighbours'; the first and the last have infinite shoulders. So they sum to 1 everywhere.

        Parameters
        ----------
        values : (n,) float64
            The indicator's values on the training rows: at least one, all of them finite.

        Raises
        ------
        ValueError
            If there is no value, or one that is NaN or infinite.
        EqualQuantiles
            If two centres are the same number.
        """
        if values.size == 0 or not np.isfinite(values).all():
            raise ValueError("a fuzzy set is fitted on finite values, at least one")
        k = len(self.terms)
        centres = [float(centre) for centre in np.quantile(values, (np.arange(k) + 0.5) / k)]
        if equal := self._equal(centres):
            raise EqualQuantiles(f"A fuzzy set on {self.indicator}", equal)
        shapes = zip(self.terms, _between_neighbours(centres), strict=True)
        return FuzzySet.model_validate({"indicator": self.indicator, **dict(shapes)})

    def _equal(self, centres: list[float]) -> tuple[str, ...]:
        """Say which terms share a centre, and where it is."""
        groups = groupby(zip(centres, self.terms, strict=True), key=lambda pair: pair[0])
        shared = [(centre, [term for _, term in pairs]) for centre, pairs in groups]
        return tuple(f"{', '.join(terms)} at {centre:g}" for centre, terms in shared if len(terms) > 1)


def _misspelled_indicator(config: dict[str, Any]) -> str | None:
    """Return the key that looks like `indicator` and holds a text as it does, which no term is."""
    texts = [name for name, value in config.items() if isinstance(name, str) and isinstance(value, str)]
    near = difflib.get_close_matches("indicator", texts, n=1)
    return near[0] if near and "indicator" not in config else None


def _between_neighbours(centres: list[float]) -> list[list[float]]:
    """Return each term's parameters: of three numbers for the inner terms, of four for those with a shoulder."""
    inner = [list(corners) for corners in zip(centres, centres[1:], centres[2:], strict=False)]
    first = [-np.inf, -np.inf, *centres[:2]]
    last = [*centres[-2:], np.inf, np.inf]
    return [first, *inner, last]


def _kind_of(config: Any) -> str:
    """Return the tag of the kind of set that plain values, or a set, are meant to be."""
    keys = config if isinstance(config, dict) else ()
    return "quantiles" if isinstance(config, FittedSet) or "fit" in keys or "terms" in keys else "declared terms"


AnyFuzzySet: TypeAlias = Annotated[
    Annotated[FuzzySet, Tag("declared terms")] | Annotated[FittedSet, Tag("quantiles")],
    Discriminator(_kind_of),
]
"""A set whose terms are declared, or one with `fit` and `terms` that is fitted."""
