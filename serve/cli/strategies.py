"""`ktrdr strategies ...`: what can be trained, and whether a file is right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ktrdr.errors import Problem
from serve.cli.outcomes import EXIT_FAILED
from serve.cli.printing import argument
from serve.cli.session import AsJson, session_of

app = typer.Typer(no_args_is_help=True, help="See what can be trained; judge a strategy file.")


@app.command("list")
def list_strategies(context: typer.Context, as_json: AsJson = False) -> None:
    """List the strategies that the service knows."""
    session = session_of(context, as_json)
    with session.client() as client:
        page = client.strategies()
    if as_json:
        session.terminal.document(page)
        return
    terminal, items = session.terminal, page["items"]
    if not items:
        terminal.say(f"There are none. Put YAML files into {session.settings.strategies_dir}.")
        terminal.next_steps(("judge a file", "strategies validate FILE.yaml"))
        return
    rows = [
        [
            item["name"],
            item["training_status"] if item["valid"] else "has problems",
            item.get("symbols"),
            item.get("timeframes"),
            item.get("labels"),
            len(item["versions"]),
            item.get("description"),
        ]
        for item in items
    ]
    terminal.table(["strategy", "status", "symbols", "timeframes", "labels", "models", "what it is"], rows)
    first = next((item for item in items if item["valid"]), items[0])
    name = argument(first["name"])
    train = [("train one", f"models train {name}")] if first["valid"] else []
    terminal.next_steps(*train, ("see one", f"strategies show {name}"))


@app.command("show")
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A strategy's name, as `strategies list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Show one strategy: what it trains on, the network's inputs, its models and its last training."""
    session = session_of(context, as_json)
    with session.client() as client:
        strategy = client.strategy(name)
    if as_json:
        session.terminal.document(strategy)
        return
    terminal = session.terminal
    features = strategy.get("features", [])
    terminal.facts(
        [
            ("Strategy", strategy["name"]),
            ("What it is", strategy.get("description")),
            ("Comes from", strategy["source"]),
            ("Status", strategy["training_status"]),
            ("Symbols", strategy.get("symbols")),
            ("Timeframes", strategy.get("timeframes")),
            ("Labels", strategy.get("labels")),
            ("Model", strategy.get("model")),
            (f"Features ({len(features)})", features),
            ("Models", strategy["versions"]),
            ("Last training", strategy["last_operation_id"]),
        ]
    )
    for entry in strategy.get("errors", []):
        terminal.complain(str(Problem(**entry)))
    last = strategy["last_operation_id"]
    steps = [
        ("train it", f"models train {argument(name)}"),
        ("see what a training would do", f"models train {argument(name)} --plan"),
    ]
    terminal.next_steps(
        *(steps if strategy["valid"] else [("mend it, then see it again", f"strategies show {argument(name)}")]),
        *([("see its models", f"models list {argument(name)}")] if strategy["versions"] else []),
        *([("see its last training", f"operations show {last}")] if last else []),
    )


@app.command("validate")
def validate(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A strategy file.")],
    as_json: AsJson = False,
) -> None:
    """Judge a strategy file, without a service: every problem with line, column and what to do.

    Exit code 0 if it can be trained, 1 if not.
    """
    from ktrdr.strategy import validate_strategy

    terminal = session_of(context, as_json).terminal
    judged = validate_strategy(file)
    if as_json:
        document: dict[str, Any] = {
            "valid": judged.valid,
            "errors": [problem.as_dict() for problem in judged.problems],
            "notes": list(judged.notes),
        }
        terminal.document(document)
        raise typer.Exit(0 if judged.valid else EXIT_FAILED)
    again = f"strategies validate {argument(str(file))}"
    if judged.strategy is None:
        for problem in judged.problems:
            terminal.complain(f"{file}: {problem}")
        count = len(judged.problems)
        terminal.say(f"{file} cannot be trained: {count} problem{'s' if count != 1 else ''}.")
        terminal.next_steps(("mend it, then judge it again", again))
        raise typer.Exit(EXIT_FAILED)
    terminal.say(f"{file} is right: strategy {judged.strategy.name}, {len(judged.strategy.features)} features.")
    for note in judged.notes:
        terminal.say(f"Note: {note}")
    path = argument(str(file))
    terminal.next_steps(
        ("see what a training would do", f"models train {path} --plan"), ("train it", f"models train {path}")
    )
