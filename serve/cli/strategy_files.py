"""`ktrdr strategies new|migrate|schema`: strategy files that are written here, without a service."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from ktrdr.errors import RequestError
from serve.cli.outcomes import EXIT_FAILED
from serve.cli.printing import Terminal, argument
from serve.cli.session import AsJson, session_of


def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called; its models lie under that name.")],
    template: Annotated[
        str,
        typer.Option(metavar="KIND", help="What to begin from: basic, multi_timeframe, regression or lstm."),
    ] = "basic",
    output: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where to write it. Without it: into the strategies folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a strategy file to begin from. What is there already is never replaced."""
    from ktrdr.strategy import StrategyLibrary
    from ktrdr.strategy.starter import starter

    session = session_of(context, as_json)
    text = starter(name, template)
    path = output or session.settings.strategies_dir / f"{name}.yaml"
    if output is None:
        if name in StrategyLibrary(session.settings.strategy_roots).names():  # the examples' as well: it would hide one
            raise RequestError("NAME", f"There is a strategy '{name}' already.", "Choose another name, or an --output.")
        path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, text, "Choose another path.")
    if as_json:
        session.terminal.document({"name": name, "template": template, "path": str(path), "text": text})
        return
    session.terminal.say(f"Wrote {path}.")
    file, known_as = argument(str(path)), argument(name if output is None else str(path))
    session.terminal.next_steps(
        ("judge it after each change", f"strategies validate {file}"),
        ("see what it makes of its bars", f"strategies check {known_as}"),
        ("train it", f"models train {known_as}"),
    )


def migrate(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A strategy file of the older form.")],
    output: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Where to write the rewritten file. Without it: to stdout.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is at --output.")] = False,
    as_json: AsJson = False,
) -> None:
    """Rewrite a strategy file of the older form, and say what was changed and what could not be carried.

    Exit code 0 if the rewritten strategy can be trained, 1 if something in it still has to be mended.
    """
    from ktrdr.strategy.loading import read_file
    from ktrdr.strategy.migration import migrate as migrated
    from ktrdr.wire.answers import MigratedStrategy

    terminal = session_of(context, as_json).terminal
    migration = migrated(read_file(file), str(file))
    if output is not None:
        _write(output, migration.text, "Add --overwrite, or choose another path.", overwrite)
    answer = MigratedStrategy.of(migration)
    if as_json:
        terminal.document(answer.model_dump())
    else:
        for change in migration.changes:
            terminal.note(f"Changed: {change}")
        for left in migration.left_behind:
            terminal.warn(f"Left behind: {file}: {left}")
        for problem in migration.problems:
            terminal.complain(f"{output or 'the rewritten file'}: {problem}")
        _print_migrated(terminal, file, output, migration.text)
    raise typer.Exit(EXIT_FAILED if migration.problems else 0)


def schema(context: typer.Context, as_json: AsJson = False) -> None:
    """Print the JSON Schema of a strategy file: editors complete and explain keys from it. It is always JSON."""
    from ktrdr.strategy.json_schema import strategy_json_schema

    terminal = session_of(context, as_json).terminal
    document: dict[str, Any] = strategy_json_schema()
    terminal.document(document)
    if not as_json:
        terminal.note(
            "Save it with `ktrdr strategies schema > strategy.schema.json`; an editor with a YAML language server reads"
            " it from a file that begins with the line\n# yaml-language-server: $schema=strategy.schema.json"
        )


def _print_migrated(terminal: Terminal, file: Path, output: Path | None, text: str) -> None:
    """Print the text, or where it lies; what to do next stands beside the text, never in it."""
    if output is None:
        sys.stdout.write(text)
        terminal.note(
            f"Write it to a file with `ktrdr strategies migrate {argument(str(file))} --output NEW.yaml`, then judge "
            "that with `ktrdr strategies validate NEW.yaml`."
        )
        return
    terminal.say(f"Wrote {output}.")
    path = argument(str(output))
    terminal.next_steps(
        ("judge it", f"strategies validate {path}"),
        ("see what it makes of its bars", f"strategies check {path}"),
    )


def _write(path: Path, text: str, advice: str, overwrite: bool = False) -> None:
    """Write a file, whole or not at all; one that is there is replaced only where that was asked for."""
    if not overwrite:
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise RequestError(str(path), "There is such a file already.", advice) from None
        return
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
