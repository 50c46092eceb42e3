"""`ktrdr models ...`: train one, see those there are, keep them in order."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from serve.cli import curating
from serve.cli.bundles import export, import_model
from serve.cli.comparing import compare
from serve.cli.model_ids import ModelId, parts_of
from serve.cli.outcomes import print_test_metrics
from serve.cli.predicting import predict
from serve.cli.printing import Terminal, argument, moment
from serve.cli.session import AsJson, session_of
from serve.cli.training import train

app = typer.Typer(no_args_is_help=True, help="Train models, see those there are, keep them in order.")
app.command("train")(train)
app.command("predict")(predict)
app.command("export")(export)
app.command("import")(import_model)


@app.command("list")
def list_models(
    context: typer.Context,
    strategy: Annotated[str | None, typer.Argument(metavar="[STRATEGY]", help="Only those of this strategy.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Only those trained on this symbol.")] = None,
    timeframe: Annotated[str | None, typer.Option(help="Only those whose rows are bars of this timeframe.")] = None,
    since: Annotated[str | None, typer.Option(help="Only those saved on this day (YYYY-MM-DD, UTC) or later.")] = None,
    until: Annotated[str | None, typer.Option(help="Only those saved on this day or earlier.")] = None,
    metric: Annotated[str | None, typer.Option(help="A held-out metric, such as f1_score; with --at-least.")] = None,
    at_least: Annotated[float | None, typer.Option(help="Only those whose --metric is at least this.")] = None,
    alias: Annotated[str | None, typer.Option(help="Only those that this alias names.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only those with this tag.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the trained models, newest first."""
    session = session_of(context, as_json)
    filters: dict[str, Any] = {
        "symbol": symbol,
        "timeframe": timeframe,
        "created_from": since,
        "created_to": until,
        "metric": metric,
        "at_least": at_least,
        "alias": alias,
        "tag": tag,
    }
    with session.client() as client:
        page = client.models(strategy, **filters, limit=limit)
    if as_json:
        session.terminal.document(page)
        return
    terminal, items = session.terminal, page["items"]
    if not items:
        _say_none(terminal, strategy, any(value is not None for value in filters.values()))
        return
    _print_list(terminal, items, metric)
    if len(items) < page["total_count"]:
        terminal.say(f"{len(items)} of {page['total_count']}; --limit shows more.")
    terminal.next_steps(("see the newest", f"models show {argument(items[0]['model_id'])}"))


@app.command("show")
def show(context: typer.Context, model_id: ModelId, as_json: AsJson = False) -> None:
    """Show one model: its metrics beside the baselines, features and files."""
    session = session_of(context, as_json)
    strategy, name = parts_of(model_id)
    with session.client() as client:
        model = client.model(strategy, name)
    if as_json:
        session.terminal.document(model)
        return
    _print_model(session.terminal, model)


app.command("compare")(compare)
app.command("alias")(curating.alias)
app.command("aliases")(curating.aliases)
app.command("note")(curating.note)
app.command("tag")(curating.tag)
app.command("delete")(curating.delete)
app.command("prune")(curating.prune)


def _say_none(terminal: Terminal, strategy: str | None, is_filtered: bool) -> None:
    if is_filtered:
        terminal.say("There are no such models.")
        terminal.next_steps(("see all", f"models list {argument(strategy)}" if strategy else "models list"))
        return
    terminal.say(f"There are no models of {strategy} yet." if strategy else "There are no models yet.")
    terminal.next_steps(
        ("train one", f"models train {argument(strategy)}")
        if strategy
        else ("see what can be trained", "strategies list")
    )


def _print_list(terminal: Terminal, items: list[dict[str, Any]], metric: str | None) -> None:
    rows = [
        [
            item["model_id"],
            ", ".join([*(["latest"] if item["is_latest"] else []), *item["aliases"]]),
            item["symbols"],
            item["timeframes"],
            item["test_accuracy"],
            item["majority_baseline"],
            *([item["test_metrics"].get(metric)] if metric else []),
            item["tags"],
            moment(item["created_at"]),
        ]
        for item in items
    ]
    asked = [metric] if metric else []
    columns = ["model", "", "symbols", "timeframes", "test accuracy", "majority class", *asked, "tags", "created"]
    terminal.table(columns, rows)


def _print_model(terminal: Terminal, model: dict[str, Any]) -> None:
    if model["damaged"]:
        terminal.warn(f"The model is damaged: {model['damaged']} is not what was saved.")
    features, files = model["features"], model["files"]
    terminal.facts(
        [
            ("Model", model["model_id"]),
            ("Latest", model["is_latest"]),
            ("Aliases", model["aliases"]),
            ("Tags", model["tags"]),
            ("Note", model["note"]),
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
