"""The right form of each part of a file, for a value that is of another kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ktrdr.declaration import Finding, KeyPath

_ANY = "*"
_FORMS: dict[KeyPath, str] = {
    ("training_data",): "{symbols: {...}, timeframes: {...}}",
    ("training_data", "symbols"): "{mode: single, symbol: SP500}",
    ("training_data", "timeframes"): "{mode: single, timeframe: 1d}",
    ("training_data", "date_range"): "{start: 2000-01-01, end: 2018-12-31}",
    ("indicators",): "a mapping from an id, such as rsi_14: {type: rsi, period: 14}",
    ("indicators", _ANY): "{type: rsi, period: 14}",
    ("fuzzy_sets",): "a mapping from a name, such as momentum: {indicator: rsi_14, low: [0, 30, 45]}",
    ("fuzzy_sets", _ANY): "{indicator: rsi_14, low: [0, 30, 45]}",
    ("fuzzy_sets", _ANY, _ANY): "[0, 30, 45], a triangle, or 4 numbers, a trapezoid",
    ("nn_inputs",): "[{fuzzy_set: momentum}]",
    ("nn_inputs", _ANY): "{fuzzy_set: momentum}",
    ("model",): "{type: mlp}",
    ("model", "architecture"): "{hidden_layers: [64, 32]}",
    ("model", "architecture", "hidden_layers"): "[64, 32]",
    ("model", "features"): "{lookback_periods: 2}",
    ("decisions",): "{output_format: classification}",
    ("decisions", "cost_model"): "{round_trip_cost: 0.001}",
    ("training",): "{labels: {source: zigzag}}",
    ("training", "labels"): "{source: zigzag}",
    ("training", "data_split"): "{train: 0.7, validation: 0.15, test: 0.15}",
    ("training", "lr_scheduler"): "{type: cosine}",
    ("training", "early_stopping"): "{patience: 10}",
}
# Sections that say in a mapping what users give as a word or a list: of one, and of several.
_NAMING: dict[KeyPath, tuple[str, str]] = {
    ("training_data", "symbols"): ("{{mode: single, symbol: {}}}", "{{mode: multi_symbol, list: [{}]}}"),
    ("training_data", "timeframes"): ("{{mode: single, timeframe: {}}}", "{{mode: multi_timeframe, list: [{}]}}"),
    ("training", "labels"): ("{{source: {}}}", ""),
    ("model",): ("{{type: {}}}", ""),
}
_MAX_SHOWN = 60


def advised(finding: Finding, values: Any) -> Finding:
    """Return a finding about `values` with the right form to write, where it names nothing else to do."""
    value = _value_at(values, finding.path)
    if finding.path[:1] == ("nn_inputs",) and finding.path[2:] == ("timeframes", 0) and value == "all":
        return replace(finding, suggestion="Write timeframes: all, without brackets.")
    if finding.suggestion is not None or finding.is_missing or not finding.message.startswith("expected "):
        return finding
    if finding.message.startswith("expected a text"):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return replace(finding, suggestion=f"Put it in quotes: '{value}'.") if is_number else finding
    form = _naming(finding.path, value) or _form_at(finding.path)
    return replace(finding, suggestion=f"Write {form}.") if form else finding


def _naming(path: KeyPath, value: Any) -> str | None:
    """Return the form of a section with what is given in it."""
    if path not in _NAMING:
        return None
    one, several = _NAMING[path]
    names = value if isinstance(value, list) and several else [value]
    shown = ", ".join(name for name in names if isinstance(name, str) and name.isprintable())
    is_all = bool(names) and all(isinstance(name, str) and name and name.isprintable() for name in names)
    if not is_all or len(shown) > _MAX_SHOWN:
        return None
    return (several if isinstance(value, list) and len(names) > 1 else one).format(shown)


def _form_at(path: KeyPath) -> str | None:
    fits = (
        form
        for pattern, form in _FORMS.items()
        if len(pattern) == len(path) and all(part in (_ANY, key) for part, key in zip(pattern, path, strict=True))
    )
    return next(fits, None)


def _value_at(values: Any, path: KeyPath) -> Any:
    """Return what stands at a path, None where nothing does."""
    for part in path:
        is_key = isinstance(values, dict) and part in values
        is_position = isinstance(values, list) and isinstance(part, int) and part < len(values)
        if not (is_key or is_position):
            return None
        values = values[part]
    return values
