"""What a command says, and where: words and tables on stdout, problems and warnings on stderr, or one JSON document."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ktrdr.errors import BadFile, EnvironmentFileError, KtrdrError, StrategyError

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 200
"""Columns where no terminal says how many: a table is then never folded, an id never cut."""


NARROW = 120
"""Columns below which a wide table is hard to read."""


class Terminal:
    """Where a command writes.

    Parameters
    ----------
    program
        How this program is called by the reader, so that every command it prints can be typed as it stands.
    is_terminal
        Whether a person looks on; None asks stdout.
    """

    def __init__(self, program: str | None = None, is_terminal: bool | None = None) -> None:
        self.program = command_name() if program is None else program
        self.as_json = False
        """Only one JSON document goes to stdout then: `say`, `table` and `next_steps` are silent."""
        self._is_terminal = is_terminal
        self._consoles: dict[str, Console] = {}

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks on."""
        return sys.stdout.isatty() if self._is_terminal is None else self._is_terminal

    @property
    def can_ask(self) -> bool:
        """Whether a person can be asked, and answer."""
        is_there = sys.stdin.isatty() and sys.stdout.isatty() if self._is_terminal is None else self._is_terminal
        return is_there and not self.as_json

    @property
    def console(self) -> Console:
        """The console on stdout; rich is imported when it is first used."""
        return self._console("stdout")

    def say(self, text: str = "", style: str | None = None) -> None:
        """Write a line, never wrapped: commands and addresses in it stay whole."""
        if not self.as_json:
            self.console.print(self.typeable(text), style=style, soft_wrap=True)

    def note(self, text: str) -> None:
        """Write a line to stderr, where stdout is a file's text."""
        self._console("stderr").print(self.typeable(text), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Write a warning to stderr."""
        self._console("stderr").print(f"Warning: {self.typeable(text)}", style="yellow", soft_wrap=True)

    def complain(self, text: str) -> None:
        """Write what is wrong to stderr."""
        self._console("stderr").print(f"Error: {self.typeable(text)}", style="red", soft_wrap=True)

    def refuse(self, error: KtrdrError) -> None:
        """Write everything that is wrong to stderr, one line each: where, what, what to do.

        With `as_json` the same goes to stdout as well, in the shape of the service's problem+json.
        """
        of_file = file_of(error)
        for problem in error.problems:
            self.complain(f"{of_file}{problem}")
        if self.as_json:
            self.document({"detail": str(error), "errors": [problem.as_dict() for problem in error.problems]})

    def document(self, document: Any) -> None:
        """Write a JSON document to stdout."""
        sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")

    def record(self, record: Any) -> None:
        """Write a JSON document as one line to stdout, at once: more follow."""
        sys.stdout.write(json.dumps(record, default=str) + "\n")
        sys.stdout.flush()

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> None:
        """Write a table; numbers stand to the right, None is a dash."""
        if self.as_json:
            return
        from rich import box
        from rich.table import Table

        table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
        for position, column in enumerate(columns):
            is_number = any(isinstance(row[position], int | float) for row in rows)
            justify: Literal["right", "left"] = "right" if is_number else "left"
            # a name broken in two cannot be copied: other columns give way before the first
            table.add_column(column, justify=justify, overflow="fold", no_wrap=position == 0)
        for row in rows:
            table.add_row(*map(shown, row))
        self.console.print(table)

    @property
    def is_narrow(self) -> bool:
        """Whether a table has to leave out what can be seen elsewhere."""
        return self.console.width < NARROW

    def facts(self, pairs: Sequence[tuple[str, object]]) -> None:
        """Write names and values, one pair a line; those without a value are left out."""
        known = [(name, value) for name, value in pairs if value not in (None, "", [], ())]
        width = max((len(name) for name, _ in known), default=0)
        for name, value in known:
            self.say(f"{name:<{width}}  {shown(value)}")

    def next_steps(self, *steps: tuple[str, str]) -> None:
        """Write what to do next: (what for, `models list` and the like without the program's name)."""
        width = max(len(purpose) for purpose, _ in steps)
        self.say()
        self.say("Next")
        for purpose, arguments in steps:
            self.say(f"  {purpose:<{width}}  {self.program} {arguments}")

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show that something takes its time: a spinner on a terminal, else one line on stderr."""
        if self.is_terminal and not self.as_json:
            with self._console("stderr").status(text):
                yield
        else:
            self._console("stderr").print(text, soft_wrap=True)
            yield

    @contextmanager
    def counting(self, text: str) -> Iterator[Callable[..., None]]:
        """Show on a terminal how far something is: what is yielded takes a number, how many there are, and words."""
        if not self.is_terminal or self.as_json:
            yield lambda *_: None
            return
        with self._console("stderr").status(text) as status:

            def show(number: int, total: int, words: str = "", *_: object) -> None:
                status.update(f"{text} {number}/{total}: {words}")

            yield show

    def typeable(self, text: str) -> str:
        """Return `text` with the commands in its backticks as the reader has to type them."""
        return text.replace("`ktrdr ", f"`{self.program} ")

    def _console(self, name: str) -> Console:
        if name not in self._consoles:
            from rich.console import Console

            self._consoles[name] = Console(
                stderr=name == "stderr",
                markup=False,  # a path with brackets is no markup
                emoji=False,
                highlight=False,
                width=None if self.is_terminal else WIDE,
                force_terminal=self._is_terminal,
            )
        return self._consoles[name]


def file_of(error: KtrdrError) -> str:
    """Return the file that a local error's lines and columns are of, as a line begins with it."""
    if isinstance(error, StrategyError | EnvironmentFileError):
        return f"{error.source}: "
    return f"{error.file}: " if isinstance(error, BadFile) else ""


def shown(value: object) -> str:
    """Return a value as a table shows it: fractions with four places, lists with commas, None as a dash."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    return str(value)


def moment(text: str | None) -> str | None:
    """Return an ISO 8601 time to the second, in UTC."""
    return None if text is None else text[:19].replace("T", " ") + " UTC"


def duration(seconds: float) -> str:
    """Return seconds in words: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def argument(text: str) -> str:
    """Return `text` as it can be typed into a shell."""
    return shlex.quote(text)


def command_name(program: str | None = None) -> str:
    """Return how to call this program from here: `ktrdr` if that finds it, else a path, such as `.venv/bin/ktrdr`.

    Parameters
    ----------
    program
        The path it was called by; `sys.argv[0]` where none is given.
    """
    called = Path(sys.argv[0] if program is None else program)
    if called.name == "main.py" and called.parent.name == "cli":
        return f"{_from_here(Path(sys.executable))} -m serve.cli.main"
    if called.name != "ktrdr" or not called.exists():
        return "ktrdr"
    found = shutil.which("ktrdr")
    return "ktrdr" if found is not None and Path(found).samefile(called) else _from_here(called)


def _from_here(path: Path) -> str:
    whole, here = path.absolute(), Path.cwd()
    if not whole.is_relative_to(here):
        return shlex.quote(str(whole))
    near = str(whole.relative_to(here))
    return shlex.quote(near if "/" in near else f"./{near}")
