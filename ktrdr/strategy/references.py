"""What one part of a strategy says of another: names that must exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ktrdr.data.bars import Timeframe
from ktrdr.declaration import KeyPath
from ktrdr.errors import Problem, did_you_mean
from ktrdr.indicators import AnyIndicator
from ktrdr.strategy.document import Document
from ktrdr.strategy.nn_inputs import FuzzyInput, RawInput
from ktrdr.strategy.schema import Strategy

_INDICATOR: TypeAdapter[Any] = TypeAdapter(AnyIndicator)


def name_problems(document: Document) -> list[Problem]:
    """Return names that name nothing. Reads the plain document, so that one with other faults is judged as well."""
    indicators, sets = section(document, "indicators"), section(document, "fuzzy_sets")
    problems: list[Problem] = []
    if indicators is not None:
        for name, fuzzy_set in (sets or {}).items():
            reference = fuzzy_set.get("indicator") if isinstance(fuzzy_set, dict) else None
            if isinstance(reference, str):
                problems += _indicator_problems(document, ("fuzzy_sets", name, "indicator"), reference, indicators)
    inputs = document.values.get("nn_inputs")
    for position, item in enumerate(inputs if isinstance(inputs, list) else ()):
        if isinstance(item, dict):
            problems += _input_problems(document, position, item, sets)
            raw = item.get("raw_indicator")
            if isinstance(raw, str) and indicators is not None:
                problems += _indicator_problems(document, ("nn_inputs", position, "raw_indicator"), raw, indicators)
    return problems


def notes(strategy: Strategy) -> tuple[str, ...]:
    """Return what is no error and worth knowing: indicators, fuzzy sets and timeframes that no input uses."""
    sets = {item.fuzzy_set for item in strategy.nn_inputs if isinstance(item, FuzzyInput)}
    references = [strategy.fuzzy_sets[name].indicator for name in sets]
    references += [item.raw_indicator for item in strategy.nn_inputs if isinstance(item, RawInput)]
    indicators = {reference.partition(".")[0] for reference in references}
    used = {strategy.base_timeframe, *(block.timeframe for block in strategy.blocks)}
    return (
        *(f"The indicator '{name}' is used by no input." for name in strategy.indicators if name not in indicators),
        *(f"The fuzzy set '{name}' is used by no input." for name in strategy.fuzzy_sets if name not in sets),
        *(f"The timeframe '{name}' is used by no input." for name in strategy.timeframes if name not in used),
        *_notes_on_patience(strategy),
    )


def _notes_on_patience(strategy: Strategy) -> Iterator[str]:
    stopping = strategy.training.early_stopping
    is_default = stopping is not None and "min_delta" not in stopping.model_fields_set
    if strategy.training.labels.is_regression and is_default and strategy.training.monitor == "val_loss":
        yield (
            "training.early_stopping.min_delta is 0.001 by default, more than a loss of returns improves in an epoch: "
            "training will stop after its patience. Give a smaller one, such as 0.0."
        )


def _indicator_problems(
    document: Document, path: KeyPath, reference: str, indicators: dict[str, Any]
) -> Iterator[Problem]:
    if any("." in known and f"{reference}.".startswith(f"{known}.") for known in indicators):
        return  # the id itself is refused: no name holds a dot
    name, dot, output = reference.partition(".")
    if name not in indicators:
        known = _nearest(name, indicators, "indicators")
        yield document.problem(path, f"there is no indicator '{name[:60]}'", known)
        return
    outputs = outputs_of(indicators[name])
    if dot and outputs and output not in outputs:
        known = _nearest(output, outputs, f"the outputs of '{name}'")
        yield document.problem(path, f"the indicator '{name}' has no output '{output[:60]}'", known)


def _input_problems(
    document: Document, position: int, item: dict[str, Any], sets: dict[str, Any] | None
) -> Iterator[Problem]:
    name, listed = item.get("fuzzy_set"), item.get("timeframes")
    if isinstance(name, str) and sets is not None and name not in sets:
        path: KeyPath = ("nn_inputs", position, "fuzzy_set")
        yield document.problem(path, f"there is no fuzzy set '{name[:60]}'", _nearest(name, sets, "fuzzy_sets"))
    timeframes = timeframes_in(document)
    for at, timeframe in enumerate(listed if isinstance(listed, list) else ()):
        # One that does not exist at all is the schema's to refuse.
        if timeframe in list(Timeframe) and timeframes and timeframe not in timeframes:
            path = ("nn_inputs", position, "timeframes", at)
            known = _nearest(timeframe, timeframes, "training_data.timeframes")
            yield document.problem(path, f"'{timeframe[:60]}' is not among the timeframes trained on", known)


def outputs_of(config: Any) -> tuple[str, ...]:
    """Return the outputs of an indicator's declaration; none of one with faults of its own."""
    try:
        outputs: tuple[str, ...] = _INDICATOR.validate_python(config).outputs
    except ValidationError:
        return ()
    return outputs


def section(document: Document, key: str) -> dict[str, Any] | None:
    """Return a top-level mapping, empty where there is none; None where the schema finds fault with it already."""
    value = document.values.get(key)
    if value is None and key not in document.values:
        return None if difflib.get_close_matches(key, document.values, n=1) else {}
    return value if isinstance(value, dict) else None


def timeframes_in(document: Document) -> tuple[str, ...]:
    """Return the timeframes trained on; none where the schema finds fault with them."""
    bars = document.values.get("training_data")
    declared = bars.get("timeframes") if isinstance(bars, dict) else None
    if not isinstance(declared, dict):
        return ()
    listed = declared.get("list") if declared.get("mode") == "multi_timeframe" else [declared.get("timeframe")]
    # A timeframe that does not exist is a finding of its own; inputs are not judged by it.
    known = [timeframe.value for timeframe in Timeframe]
    is_sound = isinstance(listed, list) and all(timeframe in known for timeframe in listed)
    return tuple(listed) if is_sound and isinstance(listed, list) else ()


def _nearest(wrong: str, known: Iterable[str], where: str) -> str:
    names = list(known)
    if not names:
        return f"There is nothing in {where}."
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return did_you_mean(wrong, names) or f"Known in {where}: {shown}."
