"""A strategy of this machine, judged before a command works with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from serve.cli.asking import is_file
from serve.cli.outcomes import EXIT_FAILED
from serve.cli.printing import Terminal
from serve.cli.session import Session

if TYPE_CHECKING:
    from ktrdr.strategy import Strategy, StrategySource, Validation


def judge(session: Session, given: str, again: str, overrides: Mapping[str, Any] | None = None) -> Strategy:
    """Return the strategy of a file, or of a name in the strategies folder. Faults are printed and end the command.

    Parameters
    ----------
    given
        A path or a name.
    again
        The command that judges it again.
    overrides
        Dotted paths of the file to values.

    Raises
    ------
    UnknownStrategy
        If the folder has none of that name.
    """
    from ktrdr.strategy import validate_strategy

    judged = validate_strategy(_source(session, given), overrides)
    if judged.strategy is None:
        refuse_faults(session.terminal, given, judged, again)
        raise typer.Exit(EXIT_FAILED)
    return judged.strategy


def refuse_faults(terminal: Terminal, given: str, judged: Validation, again: str) -> None:
    """Print what is wrong with a strategy, a line each, and what to do next."""
    if terminal.as_json:
        terminal.document(judgement(judged))
        return
    for problem in judged.problems:
        terminal.complain(f"{given}: {problem}")
    count = len(judged.problems)
    terminal.say(f"{given} cannot be trained: {count} problem{'s' if count != 1 else ''}.")
    terminal.next_steps(("mend it, then judge it again", again))


def judgement(judged: Validation) -> dict[str, Any]:
    """Return what was found as JSON values."""
    return {
        "valid": judged.valid,
        "errors": [problem.as_dict() for problem in judged.problems],
        "notes": list(judged.notes),
    }


def _source(session: Session, given: str) -> StrategySource:
    from ktrdr.strategy import StrategyLibrary, read_document

    if is_file(given):
        return Path(given)
    return read_document(StrategyLibrary(session.settings.strategy_roots).text(given), given)
