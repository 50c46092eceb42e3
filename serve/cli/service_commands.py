"""`ktrdr up | down | status`: the service itself."""

from __future__ import annotations

import shlex
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ktrdr.errors import ServiceUnreachable
from serve.cli.operation_views import operations_table
from serve.cli.printing import Terminal, argument
from serve.cli.session import AsJson, Session, session_of

if TYPE_CHECKING:
    from ktrdr.client import Client
    from ktrdr.wire.service_record import ServiceRecord
    from serve.cli.embedded import Listening

FIRST_STRATEGY = "sp500_daily"
"""The one to begin with, where the service has it."""
EXPORTED = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER")


def _check_environment(context: typer.Context, name: str | None) -> str | None:
    from cluster.environment_file import environments_of
    from cluster.environments import NOWHERE

    if name is not None:
        session: Session = context.obj
        known = [*environments_of(session.settings).names, NOWHERE]
        if name not in known:
            raise typer.BadParameter(f"'{name}' is not one of {', '.join(known)}.")
    return name


def up(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="Address to listen on; off loopback KTRDR_API_KEY must be set.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    environment: Annotated[
        str | None,
        typer.Option(
            help="The environment this machine is a node of; none trains nothing here. Without it: the first whose "
            "mode is local, cpu-docker where none are configured.",
            callback=_check_environment,
        ),
    ] = None,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Run it here, until Ctrl-C, not in the background.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start the service, wait until it answers, and print where. Does nothing where it runs already."""
    from serve.cli.embedded import Listening, find
    from serve.cli.embedded import up as start

    session = session_of(context, as_json)
    listening = Listening(host, port, environment)
    if foreground and as_json:
        raise typer.BadParameter("--foreground goes on until it is stopped: it cannot print one JSON document.")
    is_running = find(session.settings, session.machine) is not None
    if foreground and not is_running:
        _go_on_as_service(session, listening)
    notice = f"Starting the service at {listening.url}, which takes about 15 s ..."
    with nullcontext() if is_running else session.terminal.waiting(notice):
        started = start(session.settings, listening, session.machine)
    record = started.record
    if as_json:
        session.terminal.document({**_addresses(record), "is_new": started.is_new})
        return
    terminal = session.terminal
    terminal.say(f"The service {'is up' if started.is_new else 'runs already'}.")
    terminal.facts(
        [
            ("Service", record.url),
            ("Docs", f"{record.url}/docs"),
            ("Ray dashboard", record.dashboard_url),
            ("Dashboard token", f"in {record.token_path}"),
        ]
    )
    if not started.is_new and record.url != listening.url:
        terminal.say(f"It does not listen at {listening.url}: to move it, stop it with `ktrdr down` first.")
    if not session.talks_to(record):
        terminal.warn(
            f"KTRDR_URL is set: commands talk to {session.settings.url}, not to this service. Unset it to use this one."
        )
    with session.client_at(record.url) as client:
        terminal.next_steps(_what_to_train(client), ("see how it is", "status"), ("stop it", "down"))


def down(context: typer.Context, as_json: AsJson = False) -> None:
    """Stop the service that `up` started. What trains keeps its last epoch and goes on at the next `up`."""
    from serve.cli.embedded import down as stop
    from serve.cli.embedded import find
    from serve.cli.local_nodes import find_nodes

    session = session_of(context, as_json)
    terminal = session.terminal
    is_running = find(session.settings, session.machine) is not None
    with terminal.waiting("Stopping the service ...") if is_running else nullcontext():
        stopped = stop(session.settings, session.machine)
    if as_json:
        killed = stopped is not None and stopped.was_killed
        terminal.document(
            {"stopped": stopped is not None, "url": stopped.record.url if stopped else None, "was_killed": killed}
        )
        return
    if stopped is None:
        terminal.say(f"No service runs for {session.settings.home}.")
    elif stopped.was_killed:
        terminal.warn(f"The service at {stopped.record.url} did not stop by itself and was killed.")
    else:
        terminal.say(f"The service at {stopped.record.url} has stopped.")
    waiting = [node.name for node in find_nodes(session.settings, session.machine) if node.address is None]
    if waiting:
        terminal.say(f"Nodes that join it when it is up again: {', '.join(waiting)}.")
    terminal.next_steps(("start it", "up"), *([("stop its nodes, too", "nodes stop --all")] if waiting else []))


def status(
    context: typer.Context,
    exports: Annotated[
        bool,
        typer.Option(
            "--env", help='Print shell exports for your own drivers and Ray\'s commands: eval "$(ktrdr status --env)".'
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say where the service answers, how it is, what nodes there are and what runs. Exit code 1 where none runs."""
    from serve.cli.embedded import find

    session = session_of(context, as_json)
    record = find(session.settings, session.machine)
    if record is not None and not session.talks_to(record):
        record = None  # commands talk to another service: nothing is known of its Ray
    if exports:
        _print_exports(session, record)
        return
    with session.client() as client:
        health, active = client.health(), client.operations(active=True, limit=20)
        environments = client.environments()
        if as_json:
            found = _addresses(record) if record else {"url": client.url, "docs_url": f"{client.url}/docs"}
            session.terminal.document(
                {**found, "health": health, "environments": environments["items"], "operations": active["items"]}
            )
            return
        _print_health(session.terminal, client.url, record, health)
        _print_environments(session.terminal, environments)
        _print_active(session.terminal, client, active)


def _go_on_as_service(session: Session, listening: Listening) -> None:
    from serve.cli.embedded import become_service

    session.settings.home.mkdir(parents=True, exist_ok=True)
    session.terminal.say(
        f"Starting the service at {listening.url}; Ctrl-C stops it. Its docs will be at {listening.url}/docs."
    )
    become_service(session.settings, listening, session.machine)


def _addresses(record: ServiceRecord) -> dict[str, Any]:
    return {**record.model_dump(), "docs_url": f"{record.url}/docs"}


def _what_to_train(client: Client) -> tuple[str, str]:
    names = [entry["name"] for entry in client.strategies()["items"] if entry["valid"]]
    if not names:
        return "see the strategies", "strategies list"
    return "train a strategy", f"models train {argument(FIRST_STRATEGY if FIRST_STRATEGY in names else names[0])}"


def _print_exports(session: Session, record: ServiceRecord | None) -> None:
    if record is None:
        raise ServiceUnreachable(f"a service that `ktrdr up` started for {session.settings.home}")
    exports = {
        "KTRDR_URL": record.url,
        "RAY_ADDRESS": record.ray_address,
        "RAY_API_SERVER_ADDRESS": record.dashboard_url,
        **{name: record.ray_variables[name] for name in EXPORTED if name in record.ray_variables},
    }
    if session.terminal.as_json:
        session.terminal.document(exports)
        return
    for name, value in exports.items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


def _print_health(terminal: Terminal, url: str, record: ServiceRecord | None, health: dict[str, Any]) -> None:
    away = [name for name, answers in health["actors"].items() if not answers]
    if away:
        terminal.warn(f"Not answering inside the service: {', '.join(away)}.")
    terminal.facts(
        [
            ("Service", url),
            ("Health", f"{health['status']}, version {health['version']}"),
            (
                "Actors",
                ", ".join(f"{name} {'ok' if answers else 'away'}" for name, answers in health["actors"].items()),
            ),
            ("Docs", f"{url}/docs"),
            ("Ray dashboard", record.dashboard_url if record else None),
            ("Dashboard login", f"paste the token that is in {record.token_path}" if record else None),
        ]
    )
    terminal.say()


def _print_environments(terminal: Terminal, listed: dict[str, Any]) -> None:
    rows = [
        [item["name"], item["mode"], item["n_nodes"], item["slots"], item["busy"], item["pending"]]
        for item in listed["items"]
    ]
    terminal.table(["environment", "mode", "nodes", "slots", "busy", "waiting"], rows)


def _print_active(terminal: Terminal, client: Client, active: dict[str, Any]) -> None:
    items = active["items"]
    if not items:
        terminal.say("No training runs or waits.")
        terminal.next_steps(_what_to_train(client), ("see what ran", "operations list"), ("stop the service", "down"))
        return
    operations_table(terminal, items, f"Running and waiting: {active['total_count']}")
    terminal.next_steps(
        ("follow the newest", f"operations follow {items[0]['operation_id']}"), ("see all", "operations list")
    )
