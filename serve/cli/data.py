"""`ktrdr data ...`: the bars there are, bars from a file, a look at a series."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serve.cli.outcomes import EXIT_DONE, EXIT_FAILED
from serve.cli.printing import Terminal, argument, moment
from serve.cli.session import AsJson, Session, session_of

if TYPE_CHECKING:
    from ktrdr.data import BarStore, SeriesKey
    from ktrdr.data.findings import Finding
    from ktrdr.data.quality import SeriesReport

app = typer.Typer(no_args_is_help=True, help="See the bars there are, import a file, look a series over.")


@app.command("list")
def list_series(context: typer.Context, as_json: AsJson = False) -> None:
    """List the series there are: the service's where one runs, else those of the data folders."""
    session = session_of(context, as_json)
    terminal = session.terminal
    source, page = _catalog(session)
    if as_json:
        terminal.document({"source": source, **page})
        return
    items = page["items"]
    if not items:
        terminal.say(f"There are no bars in {source}.")
        terminal.next_steps(("import some", "data import FILE.csv --symbol SYMBOL --timeframe 1d"))
        return
    keys = ("symbol", "timeframe", "first", "last", "n_bars", "trades_weekends")
    terminal.table(
        ["symbol", "timeframe", "first", "last", "bars", "trades on weekends"],
        [[item[key] for key in keys] for item in items],
    )
    terminal.say(f"Bars of {source}.")
    first = items[0]
    terminal.next_steps(
        ("look one over", f"data check {argument(first['symbol'])} {first['timeframe']}"),
        ("import others", "data import FILE.csv --symbol SYMBOL --timeframe 1d"),
    )


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV with a header timestamp,open,high,low,close,volume, or Parquet."),
    ],
    symbol: Annotated[str, typer.Option(help="What it is called: SP500, EURUSD, BTC-USD.")],
    timeframe: Annotated[str, typer.Option(help="1m, 5m, 15m, 30m, 1h, 4h, 1d or 1w.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the series where there is one.")] = False,
    trades_weekends: Annotated[
        bool | None,
        typer.Option(
            "--weekends/--no-weekends",
            help="Whether the symbol trades on weekends. Without it: whether a bar opens on a Saturday.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Store the bars of a file in the data folder. A file with anything that is no bar is refused as a whole."""
    from ktrdr.data import BarStore, SeriesKey, import_bars

    session = session_of(context, as_json)
    terminal = session.terminal
    store = BarStore(session.settings.data_roots)
    report = import_bars(store, file, SeriesKey(symbol, timeframe), overwrite, trades_weekends)
    if as_json:
        terminal.document(report.as_dict())
        return
    terminal.facts(
        [
            ("Imported", f"{report.symbol} {report.timeframe}"),
            ("Bars", report.n_bars),
            ("First", moment(report.first)),
            ("Last", moment(report.last)),
            ("Trades on weekends", report.trades_weekends),
            ("Path", report.path),
            ("SHA-256", report.sha256),
        ]
    )
    terminal.next_steps(
        ("look it over", f"data check {argument(symbol)} {timeframe}"),
        ("see all series", "data list"),
    )


@app.command("check")
def check(
    context: typer.Context,
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="A symbol, as `data list` shows it.")],
    timeframe: Annotated[
        str | None, typer.Argument(metavar="[TIMEFRAME]", help="One of its timeframes. Without it: each.")
    ] = None,
    calendar: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="When its exchange is open: XNYS, XLON, 24/7. Without it: 24/7 if it trades on weekends, else XNYS.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look over the series of a symbol: wrong bars, disorder, gaps against a calendar, what is hard to believe.

    Exit code 1 if a series cannot be trained on; 0 with warnings alone.
    """
    from ktrdr.data import BarStore
    from ktrdr.data.quality import check_series

    session = session_of(context, as_json)
    store = BarStore(session.settings.data_roots)
    reports = [check_series(store, key, calendar) for key in _keys(store, symbol, timeframe)]
    is_sound = all(report.ok for report in reports)
    if as_json:
        session.terminal.document({"ok": is_sound, "items": [report.as_dict() for report in reports]})
    else:
        for report in reports:
            _print_report(session.terminal, report)
        _print_next(session.terminal, reports)
    raise typer.Exit(EXIT_DONE if is_sound else EXIT_FAILED)


def _catalog(session: Session) -> tuple[str, dict[str, Any]]:
    """Return where the series are and a page of them."""
    if session.service_url() is not None:
        with session.client() as client:
            return f"the service at {client.url}", client.data()
    from ktrdr.data import BarStore

    roots = session.settings.data_roots
    items = [asdict(info) for info in BarStore(roots).catalog()]
    return f"the folders {', '.join(map(str, roots))}", {"items": items, "total_count": len(items), "next_cursor": None}


def _keys(store: BarStore, symbol: str, timeframe: str | None) -> list[SeriesKey]:
    """Return the series to look at, readable or not; one that is named and not there is refused when it is read."""
    from ktrdr.data import SeriesKey, Timeframe
    from ktrdr.data.resampling import slowest_faster
    from ktrdr.data.store import check_key
    from ktrdr.errors import RequestError, UnknownSymbol

    keys = [SeriesKey(symbol, name.value) for name in Timeframe]
    there = [key for key in keys if store.has(key)]
    if timeframe is not None:
        asked = SeriesKey(symbol, timeframe)
        check_key(asked)
        made_of = slowest_faster(timeframe, [key.timeframe for key in there])
        if asked not in there and made_of is not None:
            advice = f"Check those that it is made of: `ktrdr data check {argument(symbol)} {made_of}`."
            raise RequestError("", f"{asked} is not stored: it is made of {symbol} {made_of} when it is needed", advice)
        return [asked]
    if not there:
        raise UnknownSymbol(symbol, tuple(dict.fromkeys(info.symbol for info in store.catalog())))
    return there


def _print_report(terminal: Terminal, report: SeriesReport) -> None:
    from ktrdr.data.oddities import SPIKE_MULTIPLE, SPIKE_WINDOW

    terminal.say(
        f"{report.symbol} {report.timeframe}: {report.n_bars} bars from {moment(report.first) or '-'} to "
        f"{moment(report.last) or '-'}, compared with the calendar {report.calendar}"
    )
    rows = [[one.severity, one.kind, _when(one, report.timeframe), one.count, one.message] for one in report.findings]
    if not rows:
        terminal.say("Nothing was found.")
        return
    terminal.table(["severity", "kind", "when", "bars", "what was found"], rows)
    if "spike" in report.counts:
        terminal.say(
            f"A spike: a return of the close beyond {SPIKE_MULTIPLE:g} times the usual, which is the median absolute "
            f"deviation of the {SPIKE_WINDOW} returns before it."
        )
    if report.n_left_out:
        terminal.say(f"{report.n_left_out} more findings of these kinds are not listed.")


def _when(found: Finding, timeframe: str) -> str:
    """Return the bars that something was found on, to the day where bars are of days or weeks."""
    is_of_days = timeframe in ("1d", "1w")
    ends = [(time[:10] if is_of_days else moment(time) or "") for time in (found.first, found.last) if time is not None]
    return " to ".join(dict.fromkeys(ends)) or "-"


def _print_next(terminal: Terminal, reports: list[SeriesReport]) -> None:
    wrong = next((report for report in reports if not report.ok), None)
    if wrong is None:
        steps = [("write a strategy to train on it", "strategies new my_strategy")]
    else:
        series = f"--symbol {argument(wrong.symbol)} --timeframe {wrong.timeframe}"
        steps = [("import mended bars", f"data import FILE {series} --overwrite")]
    terminal.next_steps(*steps, ("see the other series", "data list"))
