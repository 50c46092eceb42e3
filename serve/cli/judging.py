"""A strategy of this machine, judged before a command works with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ktrdr.errors import Problem, StrategyError
from serve.cli.asking import is_file
from serve.cli.outcomes import EXIT_FAILED
from serve.cli.printing import Terminal, argument
from serve.cli.session import Session

if TYPE_CHECKING:
    from ktrdr.strategy import Strategy, Validation


def judge(session: Session, given: str, again: str, overrides: Mapping[str, Any] | None = None) -> Strategy:
    """Return the strategy of a file, or of a name in the strategies folder. Faults are printed and end the command."""
    strategy, _ = judged_strategy(session, given, again, overrides)
    return strategy


def judged_strategy(
    session: Session, given: str, again: str, overrides: Mapping[str, Any] | None = None
) -> tuple[Strategy, Validation]:
    """Return the strategy of a file, or of a name in the strategies folder, and all that was found of it.

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
    StrategyError
        If there is no such file, or it is no text.
    """
    from ktrdr.strategy import validate_strategy
    from ktrdr.strategy.loading import read_file

    path = _path(session, given)
    text = read_file(path)
    judged = validate_strategy(path, overrides)
    if judged.strategy is None:
        faults = Faults(judged, given, path, text, tuple(overrides or ()))
        faults.refuse(session.terminal, again)
        raise typer.Exit(EXIT_FAILED)
    return judged.strategy, judged


@dataclass(frozen=True)
class Faults:
    """What is wrong with a strategy as it was given, and where each fault comes from: the file or an override."""

    judged: Validation
    given: str
    path: Path
    text: str
    overridden: tuple[str, ...]

    def refuse(self, terminal: Terminal, again: str) -> None:
        """Print the faults, a line each, and what to do next."""
        if terminal.as_json:
            terminal.document(judgement(self.judged))
            return
        problems = self.judged.problems
        of_file = [problem for problem in problems if not self._is_of_an_override(problem)]
        for problem in problems:
            terminal.complain(f"{self.given if problem in of_file else '--override'}: {problem}")
        terminal.say(f"{self.given} cannot be trained: {len(problems)} problem{'s' if len(problems) != 1 else ''}.")
        if not of_file:
            terminal.next_steps(("correct the override, then judge it again", again))
        elif self._can_be_migrated(of_file):
            migrated = f"strategies migrate {argument(str(self.path))}"
            terminal.next_steps(("rewrite it from the older form", migrated), ("then judge it again", again))
        else:
            terminal.next_steps(("mend it, then judge it again", again))

    def _is_of_an_override(self, problem: Problem) -> bool:
        if problem.line is not None:  # it stands in the file
            return False
        path = f"{problem.path}."
        return any(path.startswith(f"{one}.") or f"{one}.".startswith(path) for one in self.overridden)

    def _can_be_migrated(self, problems: list[Problem]) -> bool:
        """Return whether `strategies migrate` mends any of the file's problems."""
        from ktrdr.strategy.migration import migrate

        try:
            migration = migrate(self.text, str(self.path))
        except StrategyError:  # it is in the present form, or no strategy
            return False
        remaining = {problem.path for problem in (*migration.left_behind, *migration.problems)}
        return any(problem.path not in remaining for problem in problems)


def judgement(judged: Validation) -> dict[str, Any]:
    """Return what was found as JSON values."""
    return {
        "valid": judged.valid,
        "errors": [problem.as_dict() for problem in judged.problems],
        "notes": list(judged.notes),
    }


def _path(session: Session, given: str) -> Path:
    from ktrdr.strategy import StrategyLibrary

    return Path(given) if is_file(given) else StrategyLibrary(session.settings.strategy_roots).path(given)
