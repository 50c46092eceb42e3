"""What a person is asked, and what the command line says about a strategy and its bars as fields of a request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from ktrdr.errors import RequestError, StrategyError
from serve.cli.outcomes import EXIT_INTERRUPTED


def strategy_of(given: str) -> dict[str, str]:
    """Return the request's field for a strategy: its name, or the text of the file at that path.

    Raises
    ------
    RequestError
        If a path names no text file.
    """
    if not is_file(given):
        return {"strategy_name": given}
    try:
        return {"strategy": Path(given).read_text(encoding="utf-8-sig")}
    except FileNotFoundError:
        reason, advice = (
            "There is no such file.",
            "See the strategies that are known by name with `ktrdr strategies list`.",
        )
    except UnicodeDecodeError:
        reason, advice = "This is not a UTF-8 text.", "Give the path of a strategy file."
    except OSError as error:
        reason, advice = f"It cannot be read: {error.strerror}.", "Give the path of a strategy file."
    raise RequestError(given, reason, advice)


def is_file(given: str) -> bool:
    """Whether a strategy is given by the path of its file, not by its name."""
    path = Path(given)
    return path.suffix in (".yaml", ".yml") or path.is_file()


def is_agreed(question: str) -> bool:
    """Ask a person a question whose answer is no unless they say yes; Ctrl-C ends the command."""
    try:
        return typer.confirm(question, default=False)
    except typer.Abort:
        raise typer.Exit(EXIT_INTERRUPTED) from None


def listed(text: str | None) -> list[str] | None:
    """Return `"1d, 1w"` as `["1d", "1w"]`, None where nothing is given."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def overrides_of(given: list[str]) -> dict[str, Any]:
    """Return `["training.epochs=5"]` as `{"training.epochs": 5}`; values are read as in a strategy file."""
    return dict(map(_override, given))


def _override(text: str) -> tuple[str, Any]:
    from ktrdr.strategy import read_document

    path, equals, value = text.partition("=")
    if not (path.strip() and equals):
        raise typer.BadParameter(f"'{text}' is not PATH=VALUE, such as training.epochs=5.", param_hint="--override")
    try:
        return path.strip(), read_document(f"value: {value}").values["value"]
    except StrategyError as error:
        raise typer.BadParameter(f"'{text}': {error.problems[0].message}.", param_hint="--override") from error
