"""`ktrdr models ...`: train one, see those there are."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ktrdr.errors import RequestError
from serve.cli.bundles import export, import_model
from serve.cli.outcomes import print_test_metrics
from serve.cli.printing import Terminal, argument, moment
from serve.cli.session import AsJson, session_of
from serve.cli.training import train

app = typer.Typer(no_args_is_help=True, help="Train models and see those there are.")
app.command("train")(train)
app.command("export")(export)
app.command("import")(import_model)


@app.command("list")
def list_models(
    context: typer.Context,
    strategy: Annotated[str | None, typer.Argument(metavar="[STRATEGY]", help="Only those of this strategy.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the trained models, newest first."""
    session = session_of(context, as_json)
    with session.client() as client:
        page = client.models(strategy)
    if as_json:
        session.terminal.document(page)
        return
    terminal, items = session.terminal, page["items"]
    if not items:
        terminal.say(f"There are no models of {strategy} yet." if strategy else "There are no models yet.")
        terminal.next_steps(
            ("train one", f"models train {argument(strategy)}")
            if strategy
            else ("see what can be trained", "strategies list")
        )
        return
    rows = [
        [
            item["model_id"],
            "latest" if item["is_latest"] else "",
            item["symbols"],
            item["timeframes"],
            item["test_accuracy"],
            item["majority_baseline"],
            moment(item["created_at"]),
        ]
        for item in items
    ]
    terminal.table(["model", "", "symbols", "timeframes", "test accuracy", "majority class", "created"], rows)
    terminal.next_steps(("see the newest", f"models show {argument(items[0]['model_id'])}"))


@app.command("show")
def show(
    context: typer.Context,
    model_id: Annotated[
        str,
        typer.Argument(metavar="MODEL_ID", help="STRATEGY/NAME, as `models list` shows it; NAME may end in _latest."),
    ],
    as_json: AsJson = False,
) -> None:
    """Show one model: its metrics beside the baselines, features and files."""
    session = session_of(context, as_json)
    strategy, slash, name = model_id.partition("/")
    if not (strategy and slash and name):
        raise RequestError(
            "MODEL_ID", f"'{model_id}' is not a model's id.", "Give STRATEGY/NAME, as `ktrdr models list` shows it."
        )
    with session.client() as client:
        model = client.model(strategy, name)
    if as_json:
        session.terminal.document(model)
        return
    _print_model(session.terminal, model)


def _print_model(terminal: Terminal, model: dict[str, Any]) -> None:
    if model["damaged"]:
        terminal.warn(f"The model is damaged: {model['damaged']} is not what was saved.")
    features, files = model["features"], model["files"]
    terminal.facts(
        [
            ("Model", model["model_id"]),
            ("Latest", model["is_latest"]),
            ("Symbols", model["symbols"]),
            ("Timeframes", model["timeframes"]),
            ("Created", moment(model["created_at"])),
            ("Operation", model["operation_id"]),
            (f"Features ({len(features)})", features),
        ]
    )
    terminal.say()
    test_metrics = model["metrics"].get("test_metrics")
    if test_metrics:
        print_test_metrics(terminal, test_metrics)
    terminal.table(["file", "bytes", "SHA-256"], [[file["name"], file["size"], file["sha256"]] for file in files])
    operation_id = model["operation_id"]
    terminal.next_steps(
        *([("see its training", f"operations show {operation_id}")] if operation_id else []),
        ("see its other versions", f"models list {argument(model['strategy'])}"),
        ("train a newer one", f"models train {argument(model['strategy'])}"),
    )
