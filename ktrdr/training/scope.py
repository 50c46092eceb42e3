"""What one training covers, settled from the strategy and the request: symbols, timeframes, dates, shares of rows."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Real
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from ktrdr.data.bars import SYMBOL, Timeframe
from ktrdr.errors import RequestError
from ktrdr.strategy import load_strategy
from ktrdr.strategy.dates import DateText
from ktrdr.strategy.plain import is_writable
from ktrdr.strategy.schema import Strategy
from ktrdr.strategy.training import DataSplit
from ktrdr.strategy.training_data import TimeframeText, fastest

DEFAULT_VALIDATION_SPLIT = 0.2
DEFAULT_TEST_SHARE = 0.15
MAX_SEED = 2**32 - 1
MAX_RUN_NAME = 200

_DATE: TypeAdapter[str] = TypeAdapter(DateText)
_TIMEFRAMES: TypeAdapter[tuple[Timeframe, ...]] = TypeAdapter(
    Annotated[tuple[TimeframeText, ...], Field(strict=False, min_length=1)]
)


@dataclass(frozen=True)
class Coverage:
    """Whose bars, and which."""

    symbols: tuple[str, ...]
    start_date: str | None
    end_date: str | None
    """Both inclusive, by a bar's open date; None where nothing bounds the bars."""


@dataclass(frozen=True)
class Scope(Coverage):
    """What one training covers."""

    timeframes: tuple[str, ...]
    validation_split: float
    data_split: DataSplit

    @property
    def series(self) -> str:
        """The series in words, as in `SP500, NASDAQ 1d`."""
        return f"{', '.join(self.symbols)} {', '.join(self.timeframes)}"


@dataclass(frozen=True)
class Options:
    """The keyword arguments of `TrainingExecutor.execute` beyond its named ones."""

    seed: int | None = None
    """Wins over the file's."""
    overrides: Mapping[str, Any] | None = None
    """Dotted paths of the strategy to values."""
    require_gpu: bool = False
    run_name: str | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Options:
        """Check keyword arguments.

        Raises
        ------
        TypeError
            If one is unknown, naming the nearest.
        RequestError
            Naming the one whose value is not of its kind.
        """
        known = [option.name for option in fields(cls)]
        for name in arguments:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                advice = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}."
                raise TypeError(f"execute() got an unexpected keyword argument '{name}'. {advice}")
        options = cls(**arguments)
        options._refuse_other_kinds()
        return options

    def _refuse_other_kinds(self) -> None:
        seed, text = self.seed, self.run_name
        if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= MAX_SEED):
            raise RequestError("seed", f"{seed!r} is not a seed.", f"Give a whole number from 0 to {MAX_SEED}.")
        if self.overrides is not None and not isinstance(self.overrides, Mapping):
            advice = "Give a mapping of dotted paths to values, such as {'training.epochs': 5}."
            raise RequestError("overrides", f"overrides is {self.overrides!r}.", advice)
        if not isinstance(self.require_gpu, bool):
            raise RequestError("require_gpu", f"require_gpu is {self.require_gpu!r}.", "Give True or False.")
        if text is not None and not (isinstance(text, str) and len(text) <= MAX_RUN_NAME and is_writable(text)):
            advice = f"Give a text of at most {MAX_RUN_NAME} characters, all of them in UTF-8."
            raise RequestError("run_name", f"run_name is {repr(text)[:60]}.", advice)


def settle_strategy(
    strategy: Strategy, timeframes: Sequence[str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Strategy:
    """Return the strategy as it will be trained: with a request's overrides, and with its timeframes for the file's.

    Parameters
    ----------
    timeframes
        Replace the file's list. The base is the file's where it is among them, else the fastest.
    overrides
        Dotted paths of the file to values.

    Raises
    ------
    StrategyError
        If the strategy is not right with them.
    RequestError
        If a timeframe is none, is listed twice, or one is left out that an input names.
    """
    if overrides:
        strategy = load_strategy(strategy.document(), overrides)
    if timeframes is None or _timeframes(timeframes) == strategy.timeframes:
        return strategy
    names = _timeframes(timeframes)
    _refuse_left_out(strategy, names)
    return load_strategy(strategy.document(), {"training_data.timeframes": _declared(strategy, names)})


def settle_scope(  # noqa: PLR0913 - the fields of a request
    strategy: Strategy,
    symbols: Sequence[str] | None = None,
    start_date: str | None = None,
    end_date: str | None = None,
    validation_split: float = DEFAULT_VALIDATION_SPLIT,
    data_mode: str = "local",
) -> Scope:
    """Return what to train on: the request's values, else those of the strategy, which is settled already.

    Raises
    ------
    RequestError
        Naming the field: no symbols, one twice or one that is no symbol, dates that are none or run backwards, a
        `validation_split` outside (0, 1) or beside the file's `data_split`, a `data_mode` but local.
    """
    if data_mode != "local":
        raise RequestError("data_mode", f"data_mode '{data_mode}' is not supported.", "Use 'local'.")
    if not isinstance(validation_split, Real) or not 0 < validation_split < 1:
        raise RequestError(
            "validation_split", f"validation_split is {validation_split!r}.", "Choose a share between 0 and 1."
        )
    validation_split = float(validation_split)
    start, end = _dates(strategy, start_date, end_date)
    return Scope(
        symbols=_distinct_symbols(strategy.symbols if symbols is None else symbols),
        timeframes=strategy.timeframes,
        start_date=start,
        end_date=end,
        validation_split=validation_split,
        data_split=_shares(strategy.training.data_split, validation_split),
    )


def _timeframes(timeframes: Sequence[str]) -> tuple[str, ...]:
    known = ", ".join(Timeframe)
    if not _is_list(timeframes):
        raise RequestError("timeframes", f"timeframes is {timeframes!r}.", "Give a list, or leave timeframes out.")
    advice = f"Give one or more of {known}."
    if not timeframes:
        raise RequestError("timeframes", "No timeframe is given.", advice)
    try:
        names = tuple(timeframe.value for timeframe in _TIMEFRAMES.validate_python(list(timeframes)))
    except ValidationError:
        wrong = next(name for name in timeframes if name not in list(Timeframe))
        raise RequestError("timeframes", f"{wrong!r} is no timeframe.", advice) from None
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise RequestError("timeframes", f"Timeframe {twice[0]} is listed twice.", "Name each timeframe once.")
    return names


def _refuse_left_out(strategy: Strategy, timeframes: tuple[str, ...]) -> None:
    """Refuse timeframes without one that an input names, in terms of the request: the file is right."""
    for position, item in enumerate(strategy.nn_inputs):
        for name in item.timeframes if item.timeframes != "all" else ():
            if name not in timeframes:
                message = f"The request's timeframes leave out {name}, which nn_inputs.{position} names."
                raise RequestError("timeframes", message, f"Add {name}, or override nn_inputs.")


def _declared(strategy: Strategy, timeframes: tuple[str, ...]) -> dict[str, Any]:
    """Return timeframes as a strategy file declares them."""
    if len(timeframes) == 1:
        return {"mode": "single", "timeframe": timeframes[0]}
    base = strategy.base_timeframe
    if base not in timeframes:
        base = fastest(tuple(Timeframe(timeframe) for timeframe in timeframes)).value
    return {"mode": "multi_timeframe", "list": list(timeframes), "base_timeframe": base}


def _distinct_symbols(symbols: Sequence[str]) -> tuple[str, ...]:
    if not _is_list(symbols):
        raise RequestError("symbols", f"symbols is {symbols!r}.", "Give a list of one symbol or more.")
    if not symbols:
        raise RequestError("symbols", "No symbol is given.", "Give one symbol or more.")
    for symbol in symbols:
        if not isinstance(symbol, str) or not SYMBOL.fullmatch(symbol):
            raise RequestError("symbols", f"{symbol!r} is not a symbol.", f"A symbol matches {SYMBOL.pattern}")
    twice = [symbol for number, symbol in enumerate(symbols) if symbol in symbols[:number]]
    if twice:
        raise RequestError("symbols", f"Symbol {twice[0]} is listed twice.", "Name each symbol once.")
    return tuple(symbols)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _dates(strategy: Strategy, start_date: str | None, end_date: str | None) -> tuple[str | None, str | None]:
    in_file = strategy.training_data.date_range
    asked_start, asked_end = date_range(start_date, end_date)
    start, end = asked_start or in_file.start, asked_end or in_file.end
    if not (start and end and start > end):
        return start, end
    of_file = "the strategy's training_data.date_range"
    if end_date is None:
        problem = f"start_date {start} is after the end of {of_file}, {end}."
        raise RequestError("start_date", problem, "Give an end_date as well, or an earlier start_date.")
    problem = f"end_date {end} is before the start of {of_file}, {start}."
    raise RequestError("end_date", problem, "Give a start_date as well, or a later end_date.")


def date_range(start_date: str | None, end_date: str | None) -> tuple[str | None, str | None]:
    """Return the dates of a request.

    Raises
    ------
    RequestError
        If one is none, or they run backwards.
    """
    start = None if start_date is None else _date("start_date", start_date)
    end = None if end_date is None else _date("end_date", end_date)
    if start and end and start > end:
        message = f"start_date {start} is after end_date {end}."
        raise RequestError("start_date", message, "Exchange or correct the dates.")
    return start, end


def _date(path: str, text: str) -> str:
    try:
        return _DATE.validate_python(text)
    except ValidationError:
        raise RequestError(path, f"{text!r} is not a date.", "Write YYYY-MM-DD.") from None


def _shares(in_file: DataSplit | None, validation_split: float) -> DataSplit:
    if in_file is not None:
        if validation_split != DEFAULT_VALIDATION_SPLIT:
            raise RequestError(
                "validation_split",
                f"validation_split {validation_split} stands beside the strategy's training.data_split.",
                "Leave validation_split out, or override training.data_split.",
            )
        return in_file
    rest = 1 - DEFAULT_TEST_SHARE
    return DataSplit(train=rest * (1 - validation_split), validation=rest * validation_split, test=DEFAULT_TEST_SHARE)
