"""`ktrdr operations ...`: what runs, what ran, and how to stop it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serve.cli.operation_views import log_line, operations_table, print_operation
from serve.cli.outcomes import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    TERMINAL_STATUSES,
    exit_code,
    going_on,
    print_outcome,
)
from serve.cli.printing import Terminal
from serve.cli.session import AsJson, Session, session_of

if TYPE_CHECKING:
    from ktrdr.client import Client

CANCEL_WAIT_S = 10.0
_POLL_S = 0.2

app = typer.Typer(
    no_args_is_help=True, help="See what runs and what ran; follow, cancel, resume, retry, read logs, rescue models."
)

OperationId = Annotated[str, typer.Argument(metavar="ID", help="An operation's id, as `operations list` shows it.")]


@app.command("list")
def list_operations(
    context: typer.Context,
    status: Annotated[
        str | None, typer.Option(help="Only pending, running, cancelling, completed, failed or cancelled ones.")
    ] = None,
    strategy: Annotated[str | None, typer.Option(help="Only those of this strategy.")] = None,
    active: Annotated[bool, typer.Option("--active", help="Only those that have not ended.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List operations, newest first."""
    session = session_of(context, as_json)
    with session.client() as client:
        page = client.operations(status=status, strategy=strategy, active=active or None, limit=limit)
    if as_json:
        session.terminal.document(page)
        return
    terminal, items = session.terminal, page["items"]
    if not items:
        terminal.say("There are no such operations.")
        terminal.next_steps(("see what can be trained", "strategies list"), ("see all operations", "operations list"))
        return
    operations_table(terminal, items)
    if len(items) < page["total_count"]:
        terminal.say(f"{len(items)} of {page['total_count']}; --limit shows more.")
    newest = items[0]
    verb = "show" if newest["status"] in TERMINAL_STATUSES else "follow"
    terminal.next_steps((f"{verb} the newest", f"operations {verb} {newest['operation_id']}"))


@app.command("show")
def show(context: typer.Context, operation_id: OperationId, as_json: AsJson = False) -> None:
    """Show one operation as it is now."""
    session = session_of(context, as_json)
    with session.client() as client:
        operation = client.operation(operation_id)
    if as_json:
        session.terminal.document(operation)
        return
    print_operation(session.terminal, operation)


@app.command("follow")
def follow_operation(context: typer.Context, operation_id: OperationId, as_json: AsJson = False) -> None:
    """Watch an operation until it has ended. Ctrl-C stops watching, not the training.

    Exit code 0 if it completes, 1 if it fails or is cancelled, 130 after Ctrl-C.
    """
    from serve.cli.following import follow

    session = session_of(context, as_json)
    with session.client() as client:
        with _leaving(session.terminal, f"operations follow {operation_id}"):
            ended = follow(client, operation_id, session.terminal)
        print_outcome(session.terminal, ended, client.url)
    raise typer.Exit(exit_code(ended))


@app.command("cancel")
def cancel(
    context: typer.Context,
    operation_id: OperationId,
    reason: Annotated[str | None, typer.Option(help="Why; it is kept with the operation.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Kill the training at once instead of waiting for it to stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask an operation to stop, and wait a little for it to have stopped."""
    session = session_of(context, as_json)
    with session.client() as client:
        client.cancel(operation_id, reason, force)
        with session.terminal.waiting("Cancelling ..."):
            operation = _end_within(client, operation_id, session)
    status = operation["status"]
    if as_json:
        session.terminal.document(operation)
    else:
        session.terminal.say(f"{operation_id} is {status}. {operation['status_reason']}")
        waiting = [("wait for it", f"operations follow {operation_id}")]
        is_ended = status in TERMINAL_STATUSES
        session.terminal.next_steps(
            ("see it", f"operations show {operation_id}"), *(going_on(operation) if is_ended else waiting)
        )
    raise typer.Exit(EXIT_FAILED if status in ("completed", "failed") else EXIT_DONE)


@app.command("resume")
def resume(context: typer.Context, operation_id: OperationId, as_json: AsJson = False) -> None:
    """Let an operation that failed or was cancelled go on from its checkpoint, under the same id."""
    session = session_of(context, as_json)
    with session.client() as client:
        operation = client.resume(operation_id)
    if as_json:
        session.terminal.document(operation)
        return
    session.terminal.say(f"{operation_id} is {operation['status']}. {operation['status_reason']}")
    session.terminal.next_steps(
        ("follow it", f"operations follow {operation_id}"), ("stop it", f"operations cancel {operation_id}")
    )


@app.command("retry")
def retry(
    context: typer.Context,
    operation_id: OperationId,
    is_followed: Annotated[bool, typer.Option("--follow", help="Watch the new one until it has ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train what an operation that has ended trained again, from the beginning, as an operation of its own.

    With --follow, exit code 0 if it completes, 1 if it fails or is cancelled, 130 after Ctrl-C, which stops watching.
    """
    session = session_of(context, as_json)
    with session.client() as client:
        started = client.retry(operation_id)
    retried = started["operation_id"]
    if is_followed:
        session.terminal.say(f"Training {retried}, the retry of {operation_id}.")
        follow_operation(context, retried, as_json)
    elif as_json:
        session.terminal.document(started)
    else:
        session.terminal.say(f"{retried} is {started['status']}, the retry of {operation_id}. {started['reason']}")
        session.terminal.next_steps(
            ("follow it", f"operations follow {retried}"), ("stop it", f"operations cancel {retried}")
        )


@app.command("retry-transfer")
def retry_transfer(context: typer.Context, operation_id: OperationId, as_json: AsJson = False) -> None:
    """Store a model that was trained and could not be stored, from the node that keeps it; nothing is trained.

    Exit code 0 once it is stored, 1 if that fails again, 130 after Ctrl-C, which stops watching.
    """
    session = session_of(context, as_json)
    with session.client() as client:
        operation = client.retry_transfer(operation_id)
    session.terminal.say(operation["status_reason"])
    follow_operation(context, operation_id, as_json)


@app.command("artifact")
def artifact(
    context: typer.Context,
    operation_id: OperationId,
    output: Annotated[Path, typer.Option(help="The file to write; one that is there is replaced.")],
    as_json: AsJson = False,
) -> None:
    """Copy to a file what was trained and could not be stored, as it was packed. Its checksum is verified."""
    session = session_of(context, as_json)
    with session.client() as client, session.terminal.waiting("Copying ..."):
        sha256 = client.download_artifact(operation_id, output)
    size = output.stat().st_size
    if as_json:
        session.terminal.document({"operation_id": operation_id, "path": str(output), "sha256": sha256, "size": size})
        return
    session.terminal.say(f"{output} has {size:,} bytes, SHA-256 {sha256}.")
    session.terminal.next_steps(
        ("store the model", f"operations retry-transfer {operation_id}"),
        ("see the operation", f"operations show {operation_id}"),
    )


@app.command("logs")
def logs(
    context: typer.Context,
    operation_id: OperationId,
    is_followed: Annotated[
        bool, typer.Option("--follow", help="Go on as lines come, until it has ended; with --json one record a line.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print an operation's log so far, or as it grows. Ctrl-C stops printing, not the training: exit code 130."""
    session = session_of(context, as_json)
    terminal, is_empty = session.terminal, True
    with session.client() as client, _leaving(terminal, f"operations logs {operation_id} --follow"):
        records = client.follow_logs(operation_id) if is_followed else client.logs(operation_id)
        if as_json and not is_followed:
            terminal.document(records)
            return
        for record in records:
            is_empty = False
            if as_json:
                terminal.record(record)
            else:
                terminal.say(log_line(record))
    if is_empty:
        terminal.say("Nothing was logged." if is_followed else "Nothing is logged yet.")
    terminal.next_steps(("see the operation", f"operations show {operation_id}"))


@contextmanager
def _leaving(terminal: Terminal, command: str) -> Iterator[None]:
    """Let Ctrl-C end the watching alone, and say how to come back."""
    try:
        yield
    except KeyboardInterrupt:
        terminal.warn(f"No longer watching; it goes on. Come back with `ktrdr {command}`.")
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _end_within(client: Client, operation_id: str, session: Session) -> dict[str, Any]:
    """Return the operation once it has ended, or as it is after `CANCEL_WAIT_S`."""
    deadline_s = session.machine.now_s() + CANCEL_WAIT_S
    while True:
        operation = client.operation(operation_id)
        if operation["status"] in TERMINAL_STATUSES or session.machine.now_s() >= deadline_s:
            return operation
        session.machine.sleep(_POLL_S)
