"""What is wrong with a strategy where each part is right: features that coincide, a network that is too large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from ktrdr.errors import Problem
from ktrdr.fuzzy import AnyFuzzySet
from ktrdr.labels import AnyLabeler
from ktrdr.model.config import AnyModel
from ktrdr.strategy.document import Document
from ktrdr.strategy.nn_inputs import AnyInput, FuzzyInput
from ktrdr.strategy.references import outputs_of, section, timeframes_in
from ktrdr.strategy.schema import Strategy

_SETS: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, AnyFuzzySet])
_INPUTS: TypeAdapter[tuple[Any, ...]] = TypeAdapter(Annotated[tuple[AnyInput, ...], Field(strict=False)])
_MODEL: TypeAdapter[Any] = TypeAdapter(AnyModel)
_LABELER: TypeAdapter[Any] = TypeAdapter(AnyLabeler)


def design_problems(document: Document) -> list[Problem]:
    """Return what can be judged of the plain document: what depends on a part with faults of its own is left out."""
    return [*_repeated_inputs(document), *_size_problems(document)]


def feature_problems(strategy: Strategy, document: Document) -> list[Problem]:
    """Return the first two features of a strategy without other problems that have the same name."""
    first_by: dict[str, str] = {}
    for block in strategy.blocks:
        said_as = f"the fuzzy set '{block.fuzzy_set}'" if block.fuzzy_set else f"the raw input '{block.indicator}'"
        for name in block.names:
            if first_by.setdefault(name, said_as) != said_as:
                message = f"the feature '{name}' is of {first_by[name]} and of {said_as}"
                return [document.problem(("nn_inputs",), message, "Rename a term or one of them.", at_key=True)]
    names = list(strategy.features)
    if len(set(names)) < len(names):
        twice = next(name for position, name in enumerate(names) if name in names[:position])
        message = f"the feature '{twice}' is a term's and the lagged copy of another's"
        return [document.problem(("nn_inputs",), message, "Rename the term.", at_key=True)]
    return []


def _repeated_inputs(document: Document) -> Iterator[Problem]:
    sets, indicators = section(document, "fuzzy_sets") or {}, section(document, "indicators") or {}
    inputs = document.values.get("nn_inputs")
    first_at: dict[tuple[str, str, str], int] = {}
    for position, item in enumerate(inputs if isinstance(inputs, list) else ()):
        what = _identity(item, sets, indicators)
        if what is None:
            continue
        for timeframe in _timeframes_of(item.get("timeframes", "all"), document):
            first = first_at.setdefault((*what, timeframe), position)
            if first != position:
                message = f"'{what[1]}' on {timeframe} is an input already (nn_inputs.{first})"
                yield document.problem(("nn_inputs", position), message, "Remove one of the two.")


def _identity(item: Any, sets: dict[str, Any], indicators: dict[str, Any]) -> tuple[str, str] | None:
    """Return what an input reads: a fuzzy set, or one output of an indicator, however it is named."""
    if not isinstance(item, dict):
        return None
    name, raw = item.get("fuzzy_set"), item.get("raw_indicator")
    if isinstance(name, str) and name in sets:
        return "fuzzy_set", name
    if not isinstance(raw, str):
        return None
    indicator, _, output = raw.partition(".")
    known = outputs_of(indicators.get(indicator))
    return ("raw_indicator", f"{indicator}.{output or known[0]}") if known else None


def _timeframes_of(listed: Any, document: Document) -> tuple[str, ...]:
    """Return those of an input's timeframes that are trained on."""
    known = timeframes_in(document)
    if listed == "all":
        return known
    return tuple(timeframe for timeframe in known if isinstance(listed, list | tuple) and timeframe in listed)


def _size_problems(document: Document) -> Iterator[Problem]:
    values, training = document.values, document.values.get("training")
    try:
        model = _MODEL.validate_python(values.get("model"))
        sets = _SETS.validate_python(values.get("fuzzy_sets", {}))
        inputs = _INPUTS.validate_python(values.get("nn_inputs"))
        labeler = _LABELER.validate_python(training.get("labels") if isinstance(training, dict) else None)
    except ValidationError:
        return
    n_features = sum(_width(item, sets) * len(_timeframes_of(item.timeframes, document)) for item in inputs)
    n_outputs = 1 if labeler.is_regression else len(labeler.class_names)
    try:
        model.check_size(n_features * (1 + model.features.lookback_periods), n_outputs)
    except ValueError as error:
        yield document.problem(("model", "architecture"), str(error), at_key=True)


def _width(item: FuzzyInput | Any, sets: dict[str, Any]) -> int:
    if isinstance(item, FuzzyInput):
        return len(sets[item.fuzzy_set].terms) if item.fuzzy_set in sets else 0
    return 1
