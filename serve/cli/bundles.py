"""`ktrdr models export, import`: a model as one file, for another store or another program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ktrdr.exchange import Format
from serve.cli.model_ids import ModelId, parts_of
from serve.cli.printing import Terminal, argument
from serve.cli.session import AsJson, session_of

if TYPE_CHECKING:
    from ktrdr.exchange import Exported


def export(
    context: typer.Context,
    model_id: ModelId,
    format: Annotated[
        Format, typer.Option(help="ktrdr: the stored files alone. Others add the network as other programs read it.")
    ] = Format.KTRDR,
    output: Annotated[
        Path | None, typer.Option(help="The file to write; without it, one named after the model, here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file where it is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a model to one zip file, once it is verified and, in another format, found to predict the same."""
    from ktrdr.exchange import export_model

    session = session_of(context, as_json)
    strategy, name = parts_of(model_id)
    with session.client() as client, session.terminal.waiting(f"Exporting {model_id} as {format} ..."):
        exported = export_model(
            lambda path: client.download_model(strategy, name, path), format, output, replaces=force
        )
    if as_json:
        record = None if exported.record is None else exported.record.model_dump(mode="json")
        session.terminal.document(
            {"model_id": exported.model_id, "format": format, "path": str(exported.path), "record": record}
        )
        return
    _print_exported(session.terminal, exported)


def import_model(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A bundle, as `models export` writes it.")],
    as_json: AsJson = False,
) -> None:
    """Save the model in a bundle as the next version of its name, once all of it is verified."""
    session = session_of(context, as_json)
    with session.client() as client, session.terminal.waiting(f"Importing {file} ..."):
        imported = client.import_model(file)
    if as_json:
        session.terminal.document(imported)
        return
    model_id = imported["model_id"]
    session.terminal.say(f"{file} is {model_id}.")
    session.terminal.next_steps(
        ("see the model", f"models show {argument(model_id)}"),
        ("see its other versions", f"models list {argument(imported['strategy'])}"),
    )


def _print_exported(terminal: Terminal, exported: Exported) -> None:
    terminal.say(f"{exported.path} is {exported.model_id}, {exported.path.stat().st_size:,} bytes.")
    record = exported.record
    if record is not None:
        terminal.say(
            f"In it {record.file} predicts the probe rows as the stored network does, "
            f"within {record.max_difference:.1e}; export.json says how to use it."
        )
    terminal.next_steps(
        ("import it elsewhere", f"models import {argument(str(exported.path))}"),
        ("see the model", f"models show {argument(exported.model_id)}"),
    )
