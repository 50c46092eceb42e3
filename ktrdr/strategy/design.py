"""What is wrong with a strategy where each part is right: features that coincide, a network that is too large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from ktrdr.errors import Problem
from ktrdr.fuzzy import FuzzySet
from ktrdr.labels import AnyLabeler
from ktrdr.model.config import MLP
from ktrdr.strategy.document import Document
from ktrdr.strategy.references import section, timeframes_in
from ktrdr.strategy.schema import FuzzyInput

_SETS: TypeAdapter[dict[str, FuzzySet]] = TypeAdapter(dict[str, FuzzySet])
_INPUTS: TypeAdapter[tuple[FuzzyInput, ...]] = TypeAdapter(Annotated[tuple[FuzzyInput, ...], Field(strict=False)])
_MODEL: TypeAdapter[MLP] = TypeAdapter(MLP)
_LABELER: TypeAdapter[Any] = TypeAdapter(AnyLabeler)


def design_problems(document: Document) -> list[Problem]:
    """Return what can be judged of the plain document: what depends on a part with faults of its own is left out."""
    return [*_shared_columns(document), *_repeated_inputs(document), *_size_problems(document)]


def _shared_columns(document: Document) -> Iterator[Problem]:
    columns: dict[str, str] = {}
    for name, fuzzy_set in (section(document, "fuzzy_sets") or {}).items():
        for term in fuzzy_set if isinstance(fuzzy_set, dict) else ():
            first = columns.setdefault(f"{name}_{term}", name) if term != "indicator" else name
            if first != name:
                message = f"its feature '{name}_{term}' is one of the fuzzy set '{first}' as well"
                yield document.problem(("fuzzy_sets", name, term), message, "Rename one.", at_key=True)


def _repeated_inputs(document: Document) -> Iterator[Problem]:
    sets, inputs = section(document, "fuzzy_sets") or {}, document.values.get("nn_inputs")
    first_at: dict[tuple[str, str], int] = {}
    for position, item in enumerate(inputs if isinstance(inputs, list) else ()):
        name = item.get("fuzzy_set") if isinstance(item, dict) else None
        if not isinstance(name, str) or name not in sets:
            continue
        for timeframe in _timeframes_of(item.get("timeframes", "all"), document):
            first = first_at.setdefault((name, timeframe), position)
            if first != position:
                message = f"'{name}' on {timeframe} is an input already (nn_inputs.{first})"
                yield document.problem(("nn_inputs", position), message, "Remove one of the two.")


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
        sets = _SETS.validate_python(values.get("fuzzy_sets"))
        inputs = _INPUTS.validate_python(values.get("nn_inputs"))
        labeler = _LABELER.validate_python(training.get("labels") if isinstance(training, dict) else None)
    except ValidationError:
        return
    n_features = sum(
        len(sets[item.fuzzy_set].memberships) * len(_timeframes_of(item.timeframes, document))
        for item in inputs
        if item.fuzzy_set in sets
    )
    try:
        model.check_size(n_features, len(labeler.class_names))
    except ValueError as error:
        yield document.problem(("model", "architecture"), str(error), at_key=True)
