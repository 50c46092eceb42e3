"""`ktrdr models predict`: what a stored model says of bars."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ktrdr.errors import DamagedModel
from serve.cli.model_ids import ModelId, parts_of
from serve.cli.printing import Terminal, argument, moment
from serve.cli.session import AsJson, session_of

MAX_SHOWN = 40
"""Rows of a table; more are for programs."""


def predict(
    context: typer.Context,
    model_id: ModelId,
    symbol: Annotated[str | None, typer.Option(help="Absent: every symbol that the model was trained on.")] = None,
    start_date: Annotated[str | None, typer.Option(help="YYYY-MM-DD; absent: the newest bar alone.")] = None,
    end_date: Annotated[str | None, typer.Option(help="YYYY-MM-DD, inclusive.")] = None,
    last: Annotated[int | None, typer.Option(min=1, help="Only the newest N rows of each symbol.")] = None,
    bars: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A CSV or Parquet file of bars, those of the warm-up with them."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a stored model makes of bars: of the newest, of dates, or of those in a file."""
    session = session_of(context, as_json)
    strategy, name = parts_of(model_id)
    with session.client() as client:
        sent = None if bars is None else _bars_in(bars, _timeframe_of(client.model(strategy, name)))
        answer = client.predict(
            strategy, name, symbol=symbol, start_date=start_date, end_date=end_date, last=last, bars=sent
        )
    if as_json:
        session.terminal.document(answer)
        return
    _print(session.terminal, answer)


def _timeframe_of(model: dict[str, Any]) -> str:
    """Return the model's base timeframe.

    Raises
    ------
    DamagedModel
        If the file that says it is spoiled: the service lists such a model without.
    """
    if not model["timeframes"]:
        raise DamagedModel(model["model_id"], model["damaged"] or "metadata.json", "does not say its timeframe")
    return str(model["timeframes"][0])


def _bars_in(path: Path, timeframe: str) -> list[dict[str, Any]]:
    from ktrdr.data import read_bars_file

    bars = read_bars_file(path, timeframe)
    return [
        {"time": time.isoformat(), **values} for time, values in zip(bars.index, bars.to_dict("records"), strict=True)
    ]


def _print(terminal: Terminal, answer: dict[str, Any]) -> None:
    items, classes = answer["items"][-MAX_SHOWN:], answer["classes"]
    is_of_returns = "forecast" in items[0]
    # a column that repeats the one beside it says nothing
    has_decisions = any(item["decision"] != item["class"] for item in items)
    columns = ["time", "symbol", "class", *(["decision"] if has_decisions else [])]
    rows = [
        [
            moment(item["time"]),
            item["symbol"],
            item["class"],
            *([item["decision"]] if has_decisions else []),
            *([item["forecast"]] if is_of_returns else [item["probabilities"][name] for name in classes]),
        ]
        for item in items
    ]
    terminal.say(f"{answer['model_id']} says of each bar, at its close:")
    terminal.table([*columns, *(["forecast return"] if is_of_returns else [f"P({name})" for name in classes])], rows)
    if len(answer["items"]) > MAX_SHOWN:
        terminal.say(f"{len(answer['items']) - MAX_SHOWN} earlier rows are not shown; --json gives all.")
    if answer["left_out"]:
        terminal.say(f"{answer['left_out']} bars are left out: they have not all that the model reads.")
    if has_decisions:
        terminal.say("decision: the neutral class where the probability misses the strategy's confidence_threshold.")
    shown = argument(answer["model_id"])
    terminal.next_steps(
        ("see how good it is", f"models show {shown}"),
        ("see more bars", f"models predict {shown} --last 20"),
        ("see the fuzzy terms that fired", f"models predict {shown} --json"),
    )
