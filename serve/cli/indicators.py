"""`ktrdr indicators ...`: what a strategy can compute, without a service."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from serve.cli.printing import Terminal, argument
from serve.cli.session import AsJson, session_of

app = typer.Typer(no_args_is_help=True, help="See the indicators: parameters, ranges, outputs, warm-up, source.")


@app.command("list")
def list_indicators(
    context: typer.Context,
    talib: Annotated[
        bool, typer.Option("--talib", help="The functions of TA-Lib that the type `talib` computes, by group.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the indicator types."""
    from ktrdr.indicators.catalog import describe_all, describe_talib

    terminal = session_of(context, as_json).terminal
    items = [info.as_dict() for info in (describe_talib() if talib else describe_all())]
    if as_json:
        terminal.document({"items": items, "total_count": len(items), "next_cursor": None})
        return
    second = "group" if talib else "also called"
    shown = {
        "type": [item["type"] for item in items],
        second: [item["group"] if talib else item["aliases"] for item in items],
        "parameters": [_defaults(item) for item in items],
        "outputs": [item["outputs"] for item in items],
        "warm-up (bars)": [item["warmup"] for item in items],
        "what it is": [_title(item) for item in items],
    }
    if terminal.is_narrow:
        del shown[second]  # `show` has it
    terminal.table(list(shown), list(zip(*shown.values(), strict=True)))
    others = [] if talib else [("list TA-Lib's functions", "indicators list --talib")]
    terminal.next_steps(("see one", f"indicators show {argument(items[0]['type'])}"), *others)


@app.command("show")
def show(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A type or another name of one, or a function of TA-Lib: STOCHF.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show one indicator: each parameter with its range and default, outputs, warm-up, source."""
    from ktrdr.indicators.catalog import describe

    terminal = session_of(context, as_json).terminal
    indicator = describe(name).as_dict()
    if as_json:
        terminal.document(indicator)
        return
    _print_indicator(terminal, indicator)


def _print_indicator(terminal: Terminal, indicator: dict[str, Any]) -> None:
    warmup = indicator["warmup"]
    terminal.facts(
        [
            ("Indicator", indicator["type"]),
            ("What it is", indicator["summary"]),
            ("Also called", indicator["aliases"]),
            ("Group", indicator["group"]),
            ("Reads", indicator["inputs"]),
            ("Outputs", indicator["outputs"]),
            ("Warm-up", None if warmup is None else f"{warmup} bars at the defaults"),
            ("Source", indicator["source"]),
        ]
    )
    terminal.say()
    rows = [
        [
            one["name"],
            one["kind"],
            one["range"],
            "required" if one["is_required"] else one["default"],
            one["description"],
        ]
        for one in indicator["parameters"]
    ]
    terminal.table(["parameter", "kind", "range", "default", "what it is"], rows)
    terminal.say("In a strategy file:")
    terminal.say(f"  indicators: {{my_id: {{{_config(indicator)}}}}}")
    terminal.next_steps(
        ("see the others", "indicators list"), ("write a strategy to put it into", "strategies new my_strategy")
    )


def _title(indicator: dict[str, Any]) -> str:
    """Return what an indicator is without its definition."""
    return re.split(r"[:.] |, of ", indicator["summary"])[0].rstrip(".")


def _defaults(indicator: dict[str, Any]) -> str:
    """Return the parameters that have a default, with it."""
    return ", ".join(f"{one['name']} {one['default']}" for one in indicator["parameters"] if one["default"] is not None)


def _config(indicator: dict[str, Any]) -> str:
    """Return the config of the defaults, as YAML has it."""
    kind, _, function = indicator["type"].partition(":")
    if kind == "talib":
        function = function or "STOCHF"
    names = [f"type: {kind}", *([f"function: {function}"] if function else [])]
    values = [f"{one['name']}: {one['default']}" for one in indicator["parameters"] if one["default"] is not None]
    return ", ".join([*names, *values])
