"""`ktrdr strategies check`: what a strategy makes of the bars of this machine, before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from serve.cli.asking import listed, overrides_of
from serve.cli.judging import judge
from serve.cli.outcomes import EXIT_DONE, EXIT_FAILED
from serve.cli.printing import Terminal, argument
from serve.cli.session import AsJson, session_of

if TYPE_CHECKING:
    from ktrdr.training.checkup import Checkup
    from ktrdr.training.lookahead import Leak
    from ktrdr.training.scope import Scope


def check(
    context: typer.Context,
    given: Annotated[
        str, typer.Argument(metavar="FILE", help="A strategy file, or the name of one in the strategies folder.")
    ],
    with_data: Annotated[
        bool, typer.Option("--data", help="How its fuzzy sets cover the bars, and its labels. Without an option: this.")
    ] = False,
    with_lookahead: Annotated[
        bool, typer.Option("--lookahead", help="Whether anything knows the future: later bars are changed to see.")
    ] = False,
    symbols: Annotated[str | None, typer.Option(help="Instead of the file's: one, or several with commas.")] = None,
    timeframes: Annotated[str | None, typer.Option(help="Instead of the file's: one, or several with commas.")] = None,
    start_date: Annotated[str | None, typer.Option(help="First day of bars, YYYY-MM-DD.")] = None,
    end_date: Annotated[str | None, typer.Option(help="Last day of bars, YYYY-MM-DD, inclusive.")] = None,
    override: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH=VALUE", help="Put a value in place of the file's. Can be given again."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look at what a strategy makes of its bars, without a service and without training.

    Exit code 1 if it cannot be trained on them, as with labels of one class, or if something in it knows the future.
    """
    from ktrdr.data import BarStore, DataManager
    from ktrdr.training.checkup import check_on_data
    from ktrdr.training.lookahead import find_leaks
    from ktrdr.training.scope import settle_scope, settle_strategy

    session = session_of(context, as_json)
    terminal = session.terminal
    asked = _typed(
        symbols=symbols, timeframes=timeframes, start_date=start_date, end_date=end_date, override=override or []
    )
    looks = f"{' --data' if with_data else ''}{' --lookahead' if with_lookahead else ''}"
    again = f"strategies check {argument(given)}{looks}{asked}"
    judged = judge(session, given, again, overrides_of(override or []))
    strategy = settle_strategy(judged, listed(timeframes))
    scope = settle_scope(strategy, listed(symbols), start_date, end_date)
    bars = DataManager(BarStore(session.settings.data_roots))
    found: dict[str, Any] = {}
    n_warnings = 0
    leaks: tuple[Leak, ...] = ()
    if with_data or not with_lookahead:
        checkup = check_on_data(strategy, bars, scope)
        n_warnings = len(checkup.warnings)
        found |= checkup.model_dump(mode="json")
        if not as_json:
            _print_checkup(terminal, strategy.name, scope, checkup)
    if with_lookahead:
        with terminal.counting("Cut") as report:
            leaks = find_leaks(strategy, bars, scope, report)
        found["leaks"] = [leak.as_dict() for leak in leaks]
        if not as_json:
            _print_leaks(terminal, leaks)
    if as_json:
        terminal.document(found)
    else:
        mend = [("mend it, then check it again", again)] if leaks or n_warnings else []
        if not with_lookahead:
            mend.append(("see whether it knows the future", f"strategies check {argument(given)} --lookahead{asked}"))
        terminal.next_steps(*mend, ("train it", f"models train {argument(given)}{asked}"))
    raise typer.Exit(EXIT_FAILED if leaks else EXIT_DONE)


def _print_checkup(terminal: Terminal, name: str, scope: Scope, checkup: Checkup) -> None:
    rows = checkup.rows
    terminal.say(
        f"Strategy {name} on {scope.series}, {scope.start_date or 'first bar'} to {scope.end_date or 'last bar'}"
    )
    terminal.facts(
        [
            ("Rows", f"{rows.rows_train} train, {rows.rows_validation} validation, {rows.rows_test} test"),
            (
                "Left out",
                f"{rows.rows_warmup} warm-up, {rows.rows_unlabelled} unlabelled, {rows.rows_purged} purged, "
                f"{rows.rows_embargoed} embargoed of {rows.rows_loaded} bars",
            ),
            ("Labels", _shares(checkup.label_shares)),
            ("Made of faster bars", [f"{series} of {source}" for series, source in checkup.resampled.items()]),
        ]
    )
    terminal.say()
    _print_labels(terminal, checkup)
    _print_coverage(terminal, checkup)
    for warning in checkup.warnings:
        terminal.warn(warning)


def _print_labels(terminal: Terminal, checkup: Checkup) -> None:
    rows = []
    for symbol, labels in checkup.labels.items():
        account, returns = checkup.rows_per_symbol[symbol], labels["returns"]
        like = (
            _shares(labels["shares"])
            if returns is None
            else f"mean {returns['mean']:.4%}, deviation {returns['standard_deviation']:.4%}"
        )
        parts = f"{account.rows_train} / {account.rows_validation} / {account.rows_test}"
        rows.append([symbol, parts, labels["rows"], like, labels["mean_life_bars"], labels["mean_uniqueness"]])
    columns = ["symbol", "train / validation / test", "labels", "classes", "mean life (bars)", "mean uniqueness"]
    if any(labels["returns"] is not None for labels in checkup.labels.values()):
        columns[3] = "returns"
    terminal.table(columns, rows)


def _print_coverage(terminal: Terminal, checkup: Checkup) -> None:
    rows = [
        [
            name,
            report["n_rows"],
            f"{report['dead_zone']:.1%}",
            f"{report['overlap']:.1%}",
            _shares({term: coverage["share"] for term, coverage in report["terms"].items()}),
        ]
        for name, report in checkup.fuzzy_sets.items()
    ]
    if rows:
        terminal.table(["fuzzy set", "rows", "in no term", "in several", "in each term"], rows)


def _print_leaks(terminal: Terminal, leaks: tuple[Leak, ...]) -> None:
    for leak in leaks:
        terminal.complain(str(leak))
    if leaks:
        terminal.say(f"{len(leaks)} {'thing knows' if len(leaks) == 1 else 'things know'} the future.")
    else:
        terminal.say("Nothing knows the future: no feature, label, part or fit changed with the bars after it.")


def _typed(**options: str | list[str] | None) -> str:
    """Return options as they are typed, each after a space; a training takes the same ones."""
    return "".join(
        f" --{name.replace('_', '-')} {argument(value)}"
        for name, given in options.items()
        for value in ([given] if isinstance(given, str) else given or [])
    )


def _shares(shares: dict[str, float]) -> str:
    return ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
