"""`ktrdr models alias, aliases, note, tag, delete, prune`: what is said of models, and which of them stay."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serve.cli.model_ids import ModelId, parts_of
from serve.cli.outcomes import EXIT_FAILED
from serve.cli.printing import Terminal, argument, moment
from serve.cli.session import AsJson, Session, session_of

if TYPE_CHECKING:
    from ktrdr.client import Client

Yes = Annotated[bool, typer.Option("--yes", help="Delete without asking.")]


def alias(
    context: typer.Context,
    model_id: ModelId,
    name: Annotated[str, typer.Argument(metavar="ALIAS", help="Such as champion.")],
    is_removed: Annotated[bool, typer.Option("--remove", help="Take the alias away from the model.")] = False,
    by: Annotated[
        str | None, typer.Option(help="Who says so, kept in its history; without it: the name you are logged in by.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let an alias name a model from now on, whichever it named before."""
    session, author = session_of(context, as_json), by or _login()
    strategy, version = parts_of(model_id)
    with session.client() as client:
        change = client.remove_alias if is_removed else client.set_alias
        entry = change(strategy, version, name, author)
    if as_json:
        session.terminal.document(entry)
        return
    named = entry["model_id"]
    session.terminal.say(f"{name} names {named}." if named else f"{name} names nothing any more.")
    step = ("see the model", f"models show {argument(named)}") if named else ("see them", f"models list {strategy}")
    session.terminal.next_steps(step, ("see who changed it when", f"models aliases {argument(strategy)}"))


def aliases(
    context: typer.Context,
    strategy: Annotated[str, typer.Argument(metavar="STRATEGY", help="Whose models.")],
    as_json: AsJson = False,
) -> None:
    """List what the aliases of a strategy's models name, and every change of them."""
    session = session_of(context, as_json)
    with session.client() as client:
        page = client.aliases(strategy)
    if as_json:
        session.terminal.document(page)
        return
    terminal, items = session.terminal, page["items"]
    for item in items:
        if item["damaged"]:
            terminal.warn(f"What the aliases of {strategy}/{item['name']} name is not known: {item['damaged']}.")
    current = [[f"{item['name']}@{name}", model] for item in items for name, model in item["aliases"].items()]
    if current:
        terminal.table(["alias", "names"], current)
    else:
        terminal.say(f"No alias names a model of {strategy}.")
    changes = [
        [f"{item['name']}@{entry['alias']}", entry["model_id"] or "nothing", entry["by"], moment(entry["at"])]
        for item in items
        for entry in item["history"]
    ]
    if changes:
        terminal.table(["alias", "named", "by", "from"], changes, "History")
    terminal.next_steps(
        ("see the models", f"models list {argument(strategy)}"), ("set one", "models alias MODEL_ID ALIAS")
    )


def note(
    context: typer.Context,
    model_id: ModelId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="In place of the note there is; empty: none.")],
    as_json: AsJson = False,
) -> None:
    """Write a note beside a model."""
    _annotate(session_of(context, as_json), model_id, note=text)


def tag(
    context: typer.Context,
    model_id: ModelId,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...")],
    is_removed: Annotated[bool, typer.Option("--remove", help="Take these tags away.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tag a model, beside the tags that it has."""
    changes: dict[str, Any] = {"remove_tags": tags} if is_removed else {"add_tags": tags}
    _annotate(session_of(context, as_json), model_id, **changes)


def delete(context: typer.Context, model_id: ModelId, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete a model; on a terminal it asks first. Its number is not used again."""
    session = session_of(context, as_json)
    strategy, name = parts_of(model_id)
    with session.client() as client:
        if session.terminal.can_ask and not yes:
            named = client.model(strategy, name)
            name = named["name"]  # `latest` may be another by the time of the answer
            _ask(f"Delete {named['model_id']} of {moment(named['created_at'])}?")
        deleted = client.delete_model(strategy, name)
    if as_json:
        session.terminal.document(deleted)
        return
    latest = deleted["latest"]
    session.terminal.say(f"{deleted['model_id']} is deleted. " + (f"The latest is {latest} now." if latest else ""))
    session.terminal.next_steps(("see the others", f"models list {argument(strategy)}"))


def prune(
    context: typer.Context,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest versions of every model stay.")],
    strategy: Annotated[str | None, typer.Argument(metavar="[STRATEGY]", help="Only its models.")] = None,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete all but the newest versions of every model, and those that an alias names; on a terminal it asks first."""
    session = session_of(context, as_json)
    with session.client() as client:
        if session.terminal.can_ask and not (yes or is_dry):
            _ask_to_prune(session.terminal, client, keep, strategy)
        pruned = client.prune(keep, strategy, is_dry)
    if as_json:
        session.terminal.document(pruned)
        return
    _print_pruned(session.terminal, pruned)
    once = f"models prune {argument(strategy) + ' ' if strategy else ''}--keep {keep}"
    session.terminal.next_steps(
        *([("do it", once)] if is_dry and pruned["deleted"] else []),
        ("see the models", f"models list {argument(strategy)}" if strategy else "models list"),
    )


def _annotate(session: Session, model_id: str, **changes: Any) -> None:
    strategy, name = parts_of(model_id)
    with session.client() as client:
        annotation = client.annotate(strategy, name, **changes)
    if session.terminal.as_json:
        session.terminal.document(annotation)
        return
    session.terminal.facts([("Model", model_id), ("Note", annotation["note"]), ("Tags", annotation["tags"])])
    session.terminal.next_steps(("see the model", f"models show {argument(model_id)}"))


def _ask_to_prune(terminal: Terminal, client: Client, keep: int, strategy: str | None) -> None:
    planned = client.prune(keep, strategy, dry_run=True)
    if planned["deleted"]:
        _print_pruned(terminal, planned)
        _ask("Delete them?")


def _print_pruned(terminal: Terminal, pruned: dict[str, Any]) -> None:
    would = " would be" if pruned["dry_run"] else ""
    rows = [[model_id, "goes", None] for model_id in pruned["deleted"]]
    rows += [[kept["model_id"], "stays", kept["why"]] for kept in pruned["kept"]]
    if rows:
        terminal.table(["model", "", "why"], rows)
    n_deleted = len(pruned["deleted"])
    words = f"{n_deleted} {'model' if n_deleted == 1 else 'models'}{would or (' is' if n_deleted == 1 else ' are')}"
    terminal.say(f"{words} deleted; {pruned['n_bytes']:,} bytes{would or ' are'} freed.")


def _ask(question: str) -> None:
    from serve.cli.asking import is_agreed

    if not is_agreed(question):
        raise typer.Exit(EXIT_FAILED)


def _login() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name
        return None
