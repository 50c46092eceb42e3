"""`ktrdr models train`: start a training, watch it, cancel it with Ctrl-C; or say what would be trained."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ktrdr.errors import ServiceRefused
from serve.cli.outcomes import EXIT_DONE, EXIT_INTERRUPTED, exit_code, print_outcome
from serve.cli.printing import Terminal, argument, moment, shown
from serve.cli.session import AsJson, session_of

if TYPE_CHECKING:
    from ktrdr.client import Client

MAX_SEED = 2**32 - 1


def train(
    context: typer.Context,
    strategy: Annotated[
        str,
        typer.Argument(
            metavar="STRATEGY", help="A strategy's name, as `strategies list` shows it, or the path of a strategy file."
        ),
    ],
    symbols: Annotated[str | None, typer.Option(help="Instead of the file's: one, or several with commas.")] = None,
    timeframes: Annotated[str | None, typer.Option(help="Instead of the file's: one, or several with commas.")] = None,
    start_date: Annotated[str | None, typer.Option(help="First day of bars, YYYY-MM-DD.")] = None,
    end_date: Annotated[str | None, typer.Option(help="Last day of bars, YYYY-MM-DD, inclusive.")] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            help="Where to run: auto, or a mode as `ktrdr status` lists them. Without it: the service's default."
        ),
    ] = None,
    require_gpu: Annotated[
        bool, typer.Option("--require-gpu", help="Only on a node with a GPU, else not at all.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, max=MAX_SEED, help="Instead of the file's: the same seed, the same model.")
    ] = None,
    override: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH=VALUE", help="Put a value in place of the file's: training.epochs=5. Can be given again."
        ),
    ] = None,
    run_name: Annotated[str | None, typer.Option(help="A name for this training.")] = None,
    wait_for_node: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Where no node can take it now: wait so long for one."),
    ] = None,
    checkpoint_every_epochs: Annotated[
        int | None, typer.Option(min=1, help="Keep its state after so many epochs; without it: as the service is set.")
    ] = None,
    reuse: Annotated[
        bool, typer.Option("--reuse", help="Where the same training has made a model, show that and train nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Train without asking where the same training has made a model.")
    ] = False,
    follow: Annotated[bool, typer.Option("--follow/--detach", help="Watch until the end, or return at once.")] = True,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what would be trained, where and on what; train nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a strategy and watch it. Ctrl-C cancels the training. Starts the service where none runs.

    Exit code 0 if it completes, 1 if it is refused, fails or is cancelled, 130 after Ctrl-C.
    """
    from serve.cli.asking import listed, overrides_of, strategy_of

    if reuse and force:
        raise typer.BadParameter("--reuse takes a model that there is, --force trains: give one of them.")
    session = session_of(context, as_json)
    asked: dict[str, Any] = {
        **strategy_of(strategy),
        "symbols": listed(symbols),
        "timeframes": listed(timeframes),
        "start_date": start_date,
        "end_date": end_date,
        "execution_mode": mode,
        "require_gpu": require_gpu,
        "seed": seed,
        "overrides": overrides_of(override or []),
        "run_name": run_name,
        "wait_for_node_s": wait_for_node,
        "checkpoint_every_epochs": checkpoint_every_epochs,
    }
    with session.client_of_any_service() as client:
        if plan:
            _print_plan(session.terminal, client.plan(**asked), strategy)
            return
        starter = _Starter(session.terminal, client, reuse, not force)
        raise typer.Exit(_train(starter, strategy, asked) if follow else _detach(starter, asked))


@dataclass(frozen=True)
class _Starter:
    """Starts a training unless a model that the same training has made is taken instead."""

    terminal: Terminal
    client: Client
    reuses: bool
    may_ask: bool

    def start(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """Return the service's answer; None where a model was taken, which is then shown."""
        from serve.cli.asking import is_agreed

        asks = self.may_ask and not self.reuses and self.terminal.can_ask
        started = self._asked(asked, asks)
        if started.get("model_id") and asks and is_agreed(f"{_known(started)} Train it again?"):
            started = self.client.train(**asked)
        if started.get("model_id"):
            self._show(started)
            return None
        return started

    def _asked(self, asked: dict[str, Any], asks: bool) -> dict[str, Any]:
        if not (asks or self.reuses):
            return self.client.train(**asked)
        try:
            return self.client.train(**asked, reuse="if_identical")
        except ServiceRefused as refusal:
            # to know of a model is a convenience: a store that does not answer holds up nobody who did not ask for it
            if self.reuses or refusal.status != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return self.client.train(**asked)

    def _show(self, reused: dict[str, Any]) -> None:
        if self.terminal.as_json:
            self.terminal.document(reused)
            return
        self.terminal.say(f"{_known(reused)} Nothing is trained.")
        operation_id = reused["operation_id"]
        self.terminal.next_steps(
            ("see the model", f"models show {argument(reused['model_id'])}"),
            *([("see its training", f"operations show {operation_id}")] if operation_id else []),
        )


def _known(answer: dict[str, Any]) -> str:
    model = answer["identical_model"]
    return (
        f"The same training (strategy, bars, seed, code) has made {model['model_id']} on {model['device']}, "
        f"{moment(model['created_at'])}, test accuracy {shown(model['test_accuracy'])}."
    )


def _train(starter: _Starter, strategy_given: str, asked: dict[str, Any]) -> int:
    from ktrdr.operations import new_operation_id
    from serve.cli.following import follow

    # Minted before it is sent: a Ctrl-C that comes before the answer knows what to cancel.
    operation_id, terminal, client = new_operation_id(), starter.terminal, starter.client
    try:
        started = starter.start({**asked, "operation_id": operation_id})
        if started is None:
            return EXIT_DONE
        _print_start(terminal, started)
        ended = follow(client, operation_id, terminal)
    except KeyboardInterrupt:
        return _cancel(terminal, client, strategy_given, operation_id)
    print_outcome(terminal, ended, client.url, strategy_given)
    return exit_code(ended)


def _detach(starter: _Starter, asked: dict[str, Any]) -> int:
    started, terminal = starter.start(asked), starter.terminal
    if started is None:
        return EXIT_DONE
    if terminal.as_json:
        terminal.document(started)
        return EXIT_DONE
    _print_start(terminal, started)
    operation_id = started["operation_id"]
    terminal.next_steps(
        ("watch it", f"operations follow {operation_id}"),
        ("see it", f"operations show {operation_id}"),
        ("stop it", f"operations cancel {operation_id}"),
    )
    return EXIT_DONE


def _cancel(terminal: Terminal, client: Client, strategy_given: str, operation_id: str) -> int:
    """Stop the training and say how it ended; a second Ctrl-C stops waiting for that."""
    terminal.warn("Ctrl-C: cancelling the training ...")
    try:
        try:
            client.cancel(operation_id, "Ctrl-C in `ktrdr models train`")
        except ServiceRefused as refusal:
            if refusal.status == HTTPStatus.NOT_FOUND:
                terminal.refuse(refusal)  # the start never reached the service: there is nothing to cancel
                return EXIT_INTERRUPTED
            terminal.warn(str(refusal))
        ended = client.wait(operation_id)
    except KeyboardInterrupt:
        terminal.warn(f"No longer waiting. See how it ended with `ktrdr operations show {operation_id}`.")
        return EXIT_INTERRUPTED
    print_outcome(terminal, ended, client.url, strategy_given)
    return EXIT_INTERRUPTED


def _print_start(terminal: Terminal, started: dict[str, Any]) -> None:
    if started.get("identical_model"):
        terminal.say(f"{_known(started)} This one makes another version; `--reuse` would take that one.")
    terminal.say(f"Training {started['operation_id']}")
    _print_place(terminal, started)


def _print_place(terminal: Terminal, placed: dict[str, Any]) -> None:
    place = f"{placed['environment']} ({placed['execution_mode']})"
    if placed["fallback"] and not terminal.as_json:
        terminal.warn(placed["reason"])
        terminal.say(f"Runs in {place}.")
    else:
        terminal.say(f"Runs in {place}: {placed['reason']}")


def _print_plan(terminal: Terminal, planned: dict[str, Any], strategy: str) -> None:
    if terminal.as_json:
        terminal.document(planned)
        return
    rows = planned["rows"]
    terminal.say(f"Plan for {planned['strategy_name']}; nothing is trained.")
    _print_place(terminal, planned["placement"])
    terminal.facts(
        [
            ("Symbols", planned["symbols"]),
            ("Timeframes", planned["timeframes"]),
            ("Dates", f"{planned['start_date'] or 'first bar'} to {planned['end_date'] or 'last bar'}"),
            ("Bars", ", ".join(f"{series} {count}" for series, count in planned["bars"].items())),
            ("Warm-up", f"{planned['warmup_bars']} bars"),
            ("Rows", f"{rows['rows_train']} train, {rows['rows_validation']} validation, {rows['rows_test']} test"),
            ("Labels", ", ".join(f"{name} {share:.1%}" for name, share in planned["label_shares"].items())),
            (f"Features ({len(planned['features'])})", planned["features"]),
            ("Parameters", planned["n_parameters"]),
        ]
    )
    terminal.next_steps(("train it", f"models train {argument(strategy)}"))
