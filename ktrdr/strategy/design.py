"""What is wrong with a strategy where each part is right: features that coincide, a network that is too large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from ktrdr.declaration import KeyPath
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
    return [*_shared_columns(document), *_repeated_inputs(document), *_size_problems(document)]


def feature_problems(strategy: Strategy, document: Document) -> list[Problem]:
    """Return the features of a strategy without other problems that share their name with another."""
    seen: set[str] = set()
    twice = [name for name in strategy.features if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
    message, advice = f"two features are called '{twice[0]}'" if twice else "", "Rename a fuzzy set or a term."
    return [document.problem(("nn_inputs",), message, advice, at_key=True)] if twice else []


def _shared_columns(document: Document) -> Iterator[Problem]:
    columns: dict[str, str] = {}
    for name, fuzzy_set in (section(document, "fuzzy_sets") or {}).items():
        for term, path in _terms_of(fuzzy_set):
            first = columns.setdefault(f"{name}_{term}", name)
            if first != name:
                message = f"its feature '{name}_{term}' is one of the fuzzy set '{first}' as well"
                yield document.problem(("fuzzy_sets", name, *path), message, "Rename one.", at_key=True)


def _terms_of(fuzzy_set: Any) -> list[tuple[str, KeyPath]]:
    """Return the terms of a plain fuzzy set and where in it each is named."""
    if not isinstance(fuzzy_set, dict):
        return []
    if "fit" in fuzzy_set:
        listed = fuzzy_set.get("terms")
        return [(str(term), ("terms", at)) for at, term in enumerate(listed if isinstance(listed, list) else ())]
    return [(term, (term,)) for term in fuzzy_set if term != "indicator"]


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
