"""`ktrdr strategies ...`: what can be trained, and whether a file is right.

What writes files is in `strategy_files`, what looks at bars in `checkups`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ktrdr.errors import Problem
from serve.cli import checkups, strategy_files
from serve.cli.asking import is_file
from serve.cli.judging import judge, judged_strategy, judgement
from serve.cli.printing import Terminal, argument
from serve.cli.session import AsJson, session_of

if TYPE_CHECKING:
    from ktrdr.strategy import Strategy

app = typer.Typer(no_args_is_help=True, help="See what can be trained; write a strategy file, judge it, look at it.")


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
        terminal.next_steps(("write one to begin from", "strategies new my_strategy"))
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
    given: Annotated[
        str,
        typer.Argument(
            metavar="NAME_OR_FILE", help="A strategy's name, as `strategies list` shows it, or the path of a file."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Show one strategy: what it trains on, the network's inputs in order, its models and its last training.

    Of a file, which needs no service, all but what was trained of it.
    """
    session = session_of(context, as_json)
    if is_file(given):
        strategy = _entry_of(judge(session, given, f"strategies show {argument(given)}"))
    else:
        with session.client() as client:
            strategy = client.strategy(given)
    if as_json:
        session.terminal.document(strategy)
        return
    _print_strategy(session.terminal, given, strategy)


@app.command("validate")
def validate(
    context: typer.Context,
    given: Annotated[
        str, typer.Argument(metavar="FILE", help="A strategy file, or the name of one in the strategies folder.")
    ],
    as_json: AsJson = False,
) -> None:
    """Judge a strategy file, without a service: every problem with line, column and what to do.

    Exit code 0 if it can be trained, 1 if not.
    """
    session, path = session_of(context, as_json), argument(given)
    terminal = session.terminal
    strategy, judged = judged_strategy(session, given, f"strategies validate {path}")
    if as_json:
        terminal.document(judgement(judged))
        return
    terminal.say(f"{given} is right: strategy {strategy.name}, {len(strategy.features)} features.")
    for note in judged.notes:
        terminal.say(f"Note: {note}")
    terminal.next_steps(
        ("see what it makes of its bars", f"strategies check {path}"),
        ("see what a training would do", f"models train {path} --plan"),
        ("train it", f"models train {path}"),
    )


app.command("check")(checkups.check)
app.command("new")(strategy_files.new)
app.command("migrate")(strategy_files.migrate)
app.command("schema")(strategy_files.schema)


def _entry_of(strategy: Strategy) -> dict[str, Any]:
    """Return what the service says of a strategy, but for what it knows of its trainings."""
    from ktrdr.strategy import summary_of

    return {
        "name": strategy.name,
        "source": "file",
        "valid": True,
        **summary_of(strategy),
        "features": list(strategy.features),
        "strategy": strategy.document(),
    }


def _print_strategy(terminal: Terminal, given: str, strategy: dict[str, Any]) -> None:
    features, versions, last = strategy.get("features", []), strategy.get("versions"), strategy.get("last_operation_id")
    terminal.facts(
        [
            ("Strategy", strategy["name"]),
            ("What it is", strategy.get("description")),
            ("Comes from", strategy["source"]),
            ("Status", strategy.get("training_status")),
            ("Symbols", strategy.get("symbols")),
            ("Timeframes", strategy.get("timeframes")),
            ("Labels", strategy.get("labels")),
            ("Model", strategy.get("model")),
            (f"Features ({len(features)})", features),
            ("Models", versions),
            ("Last training", last),
        ]
    )
    for entry in strategy.get("errors", []):
        terminal.complain(str(Problem(**entry)))
    steps = [
        ("train it", f"models train {argument(given)}"),
        ("see what a training would do", f"models train {argument(given)} --plan"),
    ]
    terminal.next_steps(
        *(steps if strategy["valid"] else [("mend it, then see it again", f"strategies show {argument(given)}")]),
        *([("see its models", f"models list {argument(strategy['name'])}")] if versions else []),
        *([("see its last training", f"operations show {last}")] if last else []),
    )
