"""`ktrdr models compare`: models side by side, their numbers and what they were made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from serve.cli.model_ids import parts_of
from serve.cli.printing import argument, moment
from serve.cli.session import AsJson, session_of

_AT_LEAST = 2


def compare(
    context: typer.Context,
    model_ids: Annotated[
        list[str], typer.Argument(metavar="MODEL_ID MODEL_ID...", help="Two or more, as `models list` shows them.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show models side by side: their held-out metrics, and the settings in which they differ."""
    if len(model_ids) < _AT_LEAST:
        raise typer.BadParameter("Give two models or more.", param_hint="MODEL_ID")
    session = session_of(context, as_json)
    with session.client() as client:
        models = [client.model(*parts_of(model_id)) for model_id in model_ids]
    names = [model["model_id"] for model in models]
    metrics = _side_by_side([_numbers(model["metrics"].get("test_metrics") or {}) for model in models])
    settings = _differing(_side_by_side([_leaves(_settings(model)) for model in models]))
    if as_json:
        session.terminal.document({"models": names, "metrics": metrics, "settings": settings})
        return
    terminal = session.terminal
    for model in models:
        if model["damaged"]:
            terminal.warn(f"{model['model_id']} is damaged: {model['damaged']} is not what was saved.")
    columns = ["", *names]
    facts = [
        ["created", *(moment(model["created_at"]) for model in models)],
        ["aliases", *(m["aliases"] for m in models)],
    ]
    terminal.table(columns, facts)
    terminal.table(columns, [[name, *values] for name, values in metrics.items()], "On each one's held-out rows")
    if settings:
        terminal.table(columns, [[name, *values] for name, values in settings.items()], "Settings that differ")
    else:
        terminal.say("They were made with the same settings.")
    terminal.next_steps(*(("see one", f"models show {argument(name)}") for name in names))


def _settings(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a model was made with: its strategy, and what was asked for beside it."""
    config = model["config"]
    request = {key: value for key, value in (config.get("request") or {}).items() if key != "strategy"}
    return {**(config.get("strategy") or {}), "request": request, "features": model["features"]}


def _numbers(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers in metrics by dotted name; those of single classes, and tables, are left out."""
    leaves = _leaves({key: value for key, value in metrics.items() if key not in ("per_class", "verdict")})
    return {name: value for name, value in leaves.items() if isinstance(value, int | float)}


def _leaves(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of nested mappings by dotted name, those of lists by number."""
    leaves: dict[str, Any] = {}
    for key, value in values.items():
        nested = dict(enumerate(value)) if isinstance(value, list) and any(map(_is_nested, value)) else value
        if isinstance(nested, Mapping):
            leaves |= _leaves({str(inner): item for inner, item in nested.items()}, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = nested
    return leaves


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list)


def _side_by_side(columns: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return for each name the value in every column, None where it has none."""
    names = {name: None for column in columns for name in column}  # a set that keeps its order
    return {name: [column.get(name) for column in columns] for name in names}


def _differing(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: values for name, values in rows.items() if any(value != values[0] for value in values)}
