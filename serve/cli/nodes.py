"""`ktrdr nodes`: make this machine a node of a cluster, end that, and see what nodes there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ktrdr.errors import RequestError, ServiceUnreachable, did_you_mean
from serve.cli.session import AsJson, Session, session_of

if TYPE_CHECKING:
    from serve.cli.local_nodes import NodeOrder

app = typer.Typer(no_args_is_help=True, help="Make this machine a node of a cluster, and see its nodes.")


@app.command()
def start(
    context: typer.Context,
    environment: Annotated[
        str, typer.Option(help="The kind of node this machine is to be, such as cpu-docker, mps-mac, cuda-cloud.")
    ],
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="The head to join; absent: that of the service started here."),
    ] = None,
    token_path: Annotated[
        Path | None,
        typer.Option(help="With --address: the cluster's token file; absent: what RAY_AUTH_TOKEN_PATH names."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What `nodes stop` calls it; absent: the environment, with a number if needed.")
    ] = None,
    slots: Annotated[
        int | None, typer.Option(help="Trainings at once; absent: the environment's, else one per core.", min=1)
    ] = None,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Run it here, until Ctrl-C, not in the background.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make this machine a node, wait until it is one, and keep it one: a node that is lost is started again.

    The device (cpu, mps, cuda) is what torch finds here. Nodes of the service started here wait while it is down.
    """
    from serve.cli.local_nodes import become_keeper, start_node

    session = session_of(context, as_json)
    if foreground and as_json:
        raise typer.BadParameter("--foreground goes on until it is stopped: it cannot print one JSON document.")
    order = _order_of(session, environment, slots, name, address, token_path)
    where = address or "the service"
    if foreground:
        session.terminal.say(f"Starting node {order.name} of {where}; Ctrl-C stops it.")
        session.settings.home.mkdir(parents=True, exist_ok=True)
        become_keeper(session.settings, order, session.machine)
    with session.terminal.waiting(f"Starting node {order.name} of {where}, which takes about 10 s ..."):
        record = start_node(session.settings, order, session.machine)
    if as_json:
        session.terminal.document(record.model_dump())
        return
    session.terminal.say(f"Node {record.name} is there: {record.environment} ({record.device}).")
    session.terminal.facts([("Node", record.node_id), ("Slots", record.slots), ("Head", record.ray_address)])
    session.terminal.next_steps(("see the nodes", "nodes list"), ("stop it", f"nodes stop {record.name}"))


@app.command()
def stop(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Which; not needed where there is one.")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="All nodes that were started here.")] = False,
    as_json: AsJson = False,
) -> None:
    """Stop nodes that were started here. What trains on one keeps its last epoch and goes back into the queue."""
    from serve.cli.local_nodes import stop_nodes

    session = session_of(context, as_json)
    names = _names_to_stop(session, name, everyone)
    if names:
        with session.terminal.waiting(f"Stopping {', '.join(names)} ..."):
            stopped = stop_nodes(session.settings, names, session.machine)
    else:
        stopped = []
    if as_json:
        items = [{"name": each.record.name, "was_killed": each.was_killed} for each in stopped]
        session.terminal.document({"items": items})
        return
    for each in stopped:
        if each.was_killed:
            session.terminal.warn(f"Node {each.record.name} did not stop by itself and was killed.")
        else:
            session.terminal.say(f"Node {each.record.name} has stopped.")
    if not stopped:
        session.terminal.say(f"No node runs for {session.settings.home}.")
    session.terminal.next_steps(("see the nodes", "nodes list"))


@app.command(name="list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the nodes of the service, and those that were started here, whatever became of them."""
    from serve.cli.local_nodes import find_nodes, is_kept

    session = session_of(context, as_json)
    kept = [
        {**record.model_dump(), "is_kept": is_kept(record, session.machine)}
        for record in find_nodes(session.settings, session.machine)
    ]
    items: list[dict[str, Any]] = []
    try:
        with session.client() as client:
            items = client.nodes()["items"]
    except ServiceUnreachable as error:
        if not kept:
            raise
        session.terminal.warn(str(error))
    if as_json:
        session.terminal.document({"items": items, "started_here": kept})
        return
    _print_nodes(session, items, kept)


def _order_of(
    session: Session,
    environment: str,
    slots: int | None,
    name: str | None,
    address: str | None,
    token_path: Path | None,
) -> NodeOrder:
    """Return the node that is asked for, or refuse it before anything is started."""
    import os

    from cluster.environment_file import environments_of
    from cluster.environments import slots_of
    from cluster.ray_environment import token_of_environment
    from serve.cli.local_nodes import NodeOrder, check_environment, check_name, check_token, name_for

    environments = environments_of(session.settings)
    check_environment(environment, environments)
    slots = slots or slots_of(environments.named(environment), os.cpu_count() or 1)
    if address is None and token_path is not None:
        raise typer.BadParameter("--token-path goes with --address: of the service started here it is known.")
    if address is not None:
        token_path = token_path or token_of_environment()
        if token_path is None:
            raise RequestError(
                "token-path",
                f"Joining {address} needs its token.",
                "Give the token file of that cluster with --token-path.",
            )
        token_path = token_path.expanduser().absolute()
        check_token(token_path)
    if name is None:
        name = name_for(environment, session.settings, session.machine)
    check_name(name, session.settings, session.machine)
    return NodeOrder(environment, slots, name, address, token_path)


def _names_to_stop(session: Session, name: str | None, everyone: bool) -> list[str]:
    from serve.cli.local_nodes import find_nodes

    names = [record.name for record in find_nodes(session.settings, session.machine)]
    if name is not None and everyone:
        raise typer.BadParameter("Give a name or --all, not both.")
    if name is None and not everyone and len(names) > 1:
        raise typer.BadParameter(f"There are several: {', '.join(names)}. Give one, or --all.")
    if name is None:
        return names
    if name not in names:
        known = f"The nodes here: {', '.join(names)}." if names else "No node was started here."
        raise RequestError("name", f"No node '{name}' was started here.", did_you_mean(name, names) or known)
    return [name]


def _print_nodes(session: Session, items: list[dict[str, Any]], kept: list[dict[str, Any]]) -> None:
    of_id = {record["node_id"]: record for record in kept}
    rows: list[list[object]] = []
    for node in items:
        record = of_id.get(node["node_id"])
        name = record["name"] if record else None
        state = _state_of(record) if record else "running" if node["alive"] else "gone"
        rows.append(
            [node["node_id"][:8], node["environment"], node["device"], node["slots"], node["address"], name, state]
        )
    listed = {node["node_id"] for node in items}
    for record in kept:
        if record["node_id"] not in listed:
            name, state = record["name"], _state_of(record)
            rows.append([None, record["environment"], record["device"], record["slots"], None, name, state])
    if rows:
        columns = ["node", "environment", "device", "slots", "address", "started here as", "state"]
        session.terminal.table(columns, rows, "Nodes")
    else:
        session.terminal.say("There are no nodes.")
    session.terminal.next_steps(
        ("add this machine", "nodes start --environment cpu-docker"), ("see the service", "status")
    )


def _state_of(record: dict[str, Any]) -> str:
    if not record["is_kept"]:
        return "unattended: what keeps it was killed"
    reason = f": {record['reason']}" if record["reason"] else ""
    return f"{record['state']}{reason}"
