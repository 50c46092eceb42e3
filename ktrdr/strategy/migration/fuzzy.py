"""`fuzzy_sets` and `nn_inputs`: each set names what it reads, and each is an input."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ktrdr.declaration import KeyPath
from ktrdr.strategy.migration.indicators import TYPES, OlderIndicator
from ktrdr.strategy.migration.keys import kinds_of
from ktrdr.strategy.migration.ledger import Ledger, legal_name, letters

_SHAPES = {"triangle": "triangular", "trapezoid": "trapezoidal", "gauss": "gaussian"}
_SHORTHAND = {"triangular": 3, "trapezoidal": 4}
_OUTPUTS = {"hist": "histogram", "diplus": "plusdi", "diminus": "minusdi", "mid": "middle"}
_RESCALED = ("triangular", "triangle", "trapezoidal", "trapezoid", "gaussian", "gauss")
_NOT_TERMS = ("indicator", "input_transform")
_RESERVED = ("indicator", "fit", "terms")
_AVERAGES = ("sma", "ema")


class SetWriter:
    """Writes the sets of one older file; afterwards `indicators` holds what they read, and `inputs` what is seen."""

    def __init__(self, indicators: list[OlderIndicator], ledger: Ledger) -> None:
        self.sets: dict[str, Any] = {}
        self.inputs: list[dict[str, Any]] = []
        self._older = indicators
        self._ledger = ledger
        self._distances: dict[str, dict[str, Any]] = {}
        self._is_read_as_price: set[str] = set()
        self._is_shortened = False
        # releases without feature_ids took the sets of an average as sets of close / average
        self._has_feature_ids = any(indicator.has_feature_id for indicator in indicators)

    @property
    def indicators(self) -> dict[str, Any]:
        """The indicators by id; an average that is only read as a distance from it is that distance."""
        replaced = {name.removesuffix("_distance") for name in self._distances} - self._is_read_as_price
        kept = {older.name: older.config for older in self._older if older.name not in replaced}
        return {**kept, **self._distances}

    @property
    def on_one_timeframe(self) -> list[OlderIndicator]:
        """The indicators that were computed on one timeframe alone."""
        return [older for older in self._older if older.timeframe]

    def write(self, key: str, old: Any) -> None:
        """Write one set, or note why it cannot be."""
        path: KeyPath = ("fuzzy_sets", key)
        if not isinstance(old, Mapping):
            self._ledger.leave(path, "a fuzzy set is a mapping of terms")
            return
        found = self._read_by(key, old, path)
        if found is None:
            return
        older, output = found
        terms = {term: shape for term, shape in old.items() if term not in _NOT_TERMS or _is_shape(shape)}
        reads_ratio = self._reads_ratio(older, old.get("input_transform"), path)
        if reads_ratio is None:
            return
        reference = f"{older.name}.{output}" if output else older.name
        if reads_ratio:
            reference = self._distance(older, path)
            if not reference or not all(_can_be_rescaled(shape) for shape in terms.values()):
                self._ledger.leave(
                    path, "its terms are shares of a moving average, and of a shape that is not rescaled"
                )
                return
            terms = {term: _rescaled(shape) for term, shape in terms.items()}
        else:
            self._is_read_as_price.add(older.name)
        name = legal_name(key, self.sets)
        if name != key:
            self._ledger.change(f"The fuzzy set '{key}' is called '{name}'.")
        self.sets[name] = {"indicator": reference, **self._terms(terms, path)}
        self.inputs.append({"fuzzy_set": name, "timeframes": [older.timeframe] if older.timeframe else "all"})
        if older.timeframe:
            self._ledger.change(f"The timeframe of '{older.name}' is that of the input '{name}'.")

    def _read_by(self, key: str, old: Mapping[str, Any], path: KeyPath) -> tuple[OlderIndicator, str] | None:
        """Return the indicator and output that a set reads: the one it names, else the one that its key names."""
        named = old.get("indicator")
        reference = named if isinstance(named, str) else key
        found = _exactly(reference, self._older) or _by_words(reference, self._older)
        if len(found) == 1:
            older, output = found[0]
            if named is None:
                shown = f"{older.name}.{output}" if output else older.name
                self._ledger.change(f"The fuzzy set '{key}' reads '{shown}'.")
            return older, output
        several = ", ".join(dict.fromkeys(older.name for older, _ in found))
        reason = (
            f"it may read any of {several}" if found else f"no indicator that is carried is called '{reference[:60]}'"
        )
        self._ledger.leave(path, reason, "Add it with the key `indicator: ...`, and to nn_inputs.")
        return None

    def _reads_ratio(self, older: OlderIndicator, transform: Any, path: KeyPath) -> bool | None:
        """Return whether a set reads close / indicator; None, with a note, where that cannot be written."""
        if transform is None:
            return older.type in _AVERAGES and not self._has_feature_ids
        kind = transform.get("type") if isinstance(transform, Mapping) else transform
        if kind in (None, "identity", "none"):
            return False
        is_close = not isinstance(transform, Mapping) or transform.get("reference", "close") == "close"
        if kind == "price_ratio" and is_close and older.type in _AVERAGES:
            return True
        self._ledger.leave(
            path,
            f"its input_transform on '{older.type}' cannot be written, and without it a set is another",
        )
        return None

    def _distance(self, older: OlderIndicator, path: KeyPath) -> str:
        """Return the id of the indicator that tells close from an average in per cent; empty where there is none."""
        known = kinds_of(("indicators", "any"), "type")
        if "distancefromma" not in known or older.config.get("source", "close") != "close":
            return ""
        name = f"{older.name}_distance"
        if name not in self._distances:
            self._ledger.change(
                f"Sets over close / '{older.name}' read '{name}', the distance in per cent: 0.95 is written as -5."
            )
        rest = {key: value for key, value in older.config.items() if key not in ("type", "source")}
        self._distances[name] = {"type": "distancefromma", "ma_type": older.type, **rest}
        return name

    def _terms(self, old: Mapping[str, Any], path: KeyPath) -> dict[str, Any]:
        new: dict[str, Any] = {}
        for key, shape in old.items():
            name = legal_name(f"{key}_term" if key in _RESERVED and _is_shape(shape) else key, new)
            if name != key:
                self._ledger.change(f"The term '{key}' of '{path[-1]}' is called '{name}'.")
            new[name] = self._shape(shape)
        return new

    def _shape(self, old: Any) -> Any:
        if not _is_shape(old) or isinstance(old, list):
            return old
        kind = str(old["type"]).lower()
        kind = _SHAPES.get(kind, kind)
        parameters = old["parameters"]
        if (
            isinstance(parameters, list)
            and _SHORTHAND.get(kind) == len(parameters)
            and set(old) == {"type", "parameters"}
        ):
            if not self._is_shortened:
                self._ledger.change("Triangles and trapezoids are written as lists of 3 and 4 numbers.")
            self._is_shortened = True
            return list(parameters)
        return {**old, "type": kind}


def _exactly(reference: str, indicators: list[OlderIndicator]) -> list[tuple[OlderIndicator, str]]:
    """Return the indicator of that id, else of that id and an output; then case and separators do not matter."""
    same = [(older, "") for older in indicators if older.name == reference]
    return same or [
        (older, output)
        for older in indicators
        for output in ("", *older.outputs)
        if letters(reference) == letters(older.name + output)
    ]


def _by_words(reference: str, indicators: list[OlderIndicator]) -> list[tuple[OlderIndicator, str]]:
    """Return what a key such as `aroon_up_25`, `DI_Plus_14` or `macd` can mean: a type, an output, parameters."""
    numbers = {float(number) for number in re.findall(r"(?<![\d.])\d+(?:\.\d+)?", reference)}
    words = letters(re.sub(r"\d+(?:\.\d+)?", "", reference))
    found = []
    for older in indicators:
        outputs = {letters(output): output for output in older.outputs if len(older.outputs) > 1}
        outputs |= {other: outputs[word] for other, word in _OUTPUTS.items() if word in outputs}
        types = (older.type, *TYPES.get(older.type, ()))
        named = [""] if words in types else []
        named += [output for word, output in outputs.items() if words in (word, *(f"{kind}{word}" for kind in types))]
        if named and numbers <= set(older.numbers):
            found.append((older, named[0]))
    return found


def _is_shape(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_number(item) for item in value)
    return isinstance(value, Mapping) and "type" in value and "parameters" in value


def _can_be_rescaled(shape: Any) -> bool:
    if not _is_shape(shape) or isinstance(shape, list):
        return _is_shape(shape)
    return (
        str(shape["type"]).lower() in _RESCALED
        and isinstance(shape["parameters"], list)
        and _is_shape(shape["parameters"])
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rescaled(shape: Any) -> Any:
    """Return a shape over close / average as one over the distance in per cent."""
    if isinstance(shape, list):
        return [_per_cent(value - 1) for value in shape]
    values = shape["parameters"]
    if str(shape["type"]).lower().startswith("gauss"):
        mean, *widths = values
        return {**shape, "parameters": [_per_cent(mean - 1), *(_per_cent(width) for width in widths)]}
    return {**shape, "parameters": [_per_cent(value - 1) for value in values]}


def _per_cent(share: float) -> float:
    value = round(100 * share, 9)
    return int(value) if value.is_integer() else value
