"""The `ktrdr` program: its commands, and the edge where errors become lines and exit codes.

Exit codes: 0 done, 1 refused or failed, 2 the command line itself is wrong, 130 interrupted.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Annotated

import typer

import ktrdr
from ktrdr.errors import KtrdrError, RequestError
from serve.cli import data, indicators, models, nodes, operations, service_commands, strategies
from serve.cli.printing import Terminal, command_name
from serve.cli.session import Session

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train neuro-fuzzy trading strategies.\n\n"
    "Begin with `ktrdr models train sp500_daily`: it starts the service where none runs. "
    "Files of the service lie under KTRDR_HOME (.ktrdr/), models under models/.",
)
for command in (service_commands.up, service_commands.down, service_commands.status):
    app.command()(command)
app.add_typer(nodes.app, name="nodes")
app.add_typer(models.app, name="models")
app.add_typer(operations.app, name="operations")
app.add_typer(strategies.app, name="strategies")
app.add_typer(indicators.app, name="indicators")
app.add_typer(data.app, name="data")


def run(arguments: Sequence[str] | None = None, session: Session | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments
        Without the program's name; those of this process where none are given.
    session
        What the command works with; a test hands in its own.
    """
    if session is None:
        session = Session(Terminal())
        sys.excepthook = _report_defect
        _print_warnings()
    command = typer.main.get_command(app)
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        command.main(given, prog_name=command_name(), obj=session)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KtrdrError as error:
        session.terminal.refuse(error)
        return 1
    except OSError as error:
        session.terminal.refuse(RequestError(str(error.filename or ""), error.strerror or str(error)))
        return 1
    except KeyboardInterrupt:  # between commands: inside one, typer ends it with 130
        return 130
    return 0


def _print_warnings() -> None:
    """Let what the core warns of in its log look like the warnings of a command."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("Warning: %(message)s"))
    handler.setLevel(logging.WARNING)
    logging.getLogger("ktrdr").addHandler(handler)


def _report_defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say in a line that the program itself is at fault; the trace goes to a file."""
    if issubclass(kind, KeyboardInterrupt):
        return
    descriptor, path = tempfile.mkstemp(prefix="ktrdr-", suffix=".trace")
    with os.fdopen(descriptor, "w") as file:
        file.writelines(traceback.format_exception(kind, error, trace))
    fault = f"ktrdr itself is at fault ({kind.__name__}: {error})"
    sys.stderr.write(f"Error: {fault}. The trace is in {path}; please report it.\n")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        sys.stdout.write(f"ktrdr {ktrdr.__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options that stand before a command."""


if __name__ == "__main__":
    sys.exit(run())
