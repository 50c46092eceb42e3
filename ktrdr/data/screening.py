"""What is wrong with bars that a file says, each problem with its place in the file."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ktrdr.data.bars import BAD_PRICE, BAD_VOLUME, COLUMNS, HIGH_BELOW_LOW, Timeframe, bar_faults, opens_a_week
from ktrdr.data.written import N_PROBLEMS, WrittenBars
from ktrdr.errors import Problem

_SHARE_ON_GRID = 0.9
"""So many of the distances being whole multiples of a slower timeframe's, the bars are that timeframe's."""

_N_TO_JUDGE = 5
"""Bars below which their spacing says nothing."""


def find_problems(written: WrittenBars, timeframe: str) -> list[Problem]:
    """Return what is wrong with the rows: their times, what a bar cannot be, and a timeframe that is another."""
    problems = [*_of_times(written, timeframe), *_of_values(written)]
    problems.sort(key=lambda problem: (problem.line or 0, problem.column or 0))
    spacing = _wrong_timeframe(written.times, timeframe)
    return [spacing, *problems] if spacing else problems


def _of_times(written: WrittenBars, timeframe: str) -> list[Problem]:
    times, numbers, layout = written.times, written.numbers, written.layout
    steps = np.diff(times.asi8)
    if len(steps) > 1 and (steps < 0).all():
        message = f"the bars run backwards, from {times[0]} to {times[-1]}"
        return [layout.problem("time", int(numbers[1]), message, "Sort them by time, the oldest first.")]
    problems = []
    for at in np.flatnonzero(steps <= 0)[: N_PROBLEMS + 1] + 1:
        place = f"the one before it, {'line' if layout.fields else 'row'} {numbers[at - 1]}"
        message = (
            f"{times[at]} is the time of {place}" if steps[at - 1] == 0 else f"{times[at]} is earlier than {place}"
        )
        advice = "Keep one of the two." if steps[at - 1] == 0 else "Sort the bars by time, the oldest first."
        problems.append(layout.problem("time", int(numbers[at]), message, advice))
    if timeframe == Timeframe.W1:
        for at in np.flatnonzero(~opens_a_week(times))[: N_PROBLEMS + 1]:
            message = f"{times[at]} is not a Monday at 00:00 UTC, where a week opens"
            problems.append(layout.problem("time", int(numbers[at]), message, "Stamp each week by its Monday."))
    return problems


def _of_values(written: WrittenBars) -> list[Problem]:
    problems = []
    for reason, column, is_wrong in bar_faults(written.values):
        for at in np.flatnonzero(is_wrong)[: N_PROBLEMS + 1]:
            value = dict(zip(COLUMNS, written.values[at], strict=True))
            if reason in (BAD_PRICE, BAD_VOLUME):
                wanted = "positive" if reason == BAD_PRICE else "zero or more"
                message = f"{value[column]:g} is not a finite number, {wanted}"
            elif reason == HIGH_BELOW_LOW:
                message = f"{value['high']:.10g} is below the low, {value['low']:.10g}"
            else:
                message = (
                    f"{value[column]:.10g} is outside the bar's range, {value['low']:.10g} to {value['high']:.10g}"
                )
            problems.append(written.layout.problem(column, int(written.numbers[at]), message))
    return problems


def _wrong_timeframe(times: pd.DatetimeIndex, timeframe: str) -> Problem | None:
    """Judge by the distances between bars: their median, and whether they keep a slower timeframe's grid."""
    spacings = {name: pd.Timedelta(days=7) if name == Timeframe.W1 else name.duration for name in Timeframe}
    if len(times) < _N_TO_JUDGE or not (times.is_monotonic_increasing and times.is_unique):
        return None
    steps = times[1:] - times[:-1]
    median, own = steps.to_series().median(), spacings[Timeframe(timeframe)]
    fitting = [name for name, spacing in spacings.items() if spacing <= median]
    likely = fitting[-1] if fitting else None
    is_on_grid = likely is not None and (steps % spacings[likely] == pd.Timedelta(0)).mean() >= _SHARE_ON_GRID
    is_slower = median > own and likely != timeframe and is_on_grid
    is_beyond = timeframe in (Timeframe.D1, Timeframe.W1) and median > 3.5 * own  # months as days or weeks
    if not (median < own or is_slower or is_beyond):
        return None
    message = (
        f"half of the bars are {_in_words(median)} apart or less: "
        if median < own
        else f"the bars are mostly {_in_words(median)} apart: "
    )
    advice = f"Import them as {likely}." if is_on_grid else f"Give bars of {timeframe}."
    return Problem("timeframe", f"{message}they are not bars of {timeframe}", advice)


def _in_words(span: pd.Timedelta) -> str:
    """Return a length of time in the largest unit that it is a whole number of.

    >>> _in_words(pd.Timedelta(hours=36))
    '36 hours'
    """
    for unit in ("day", "hour", "minute", "second"):
        count = span / pd.Timedelta(1, unit=unit)
        if count >= 1 and count == int(count):
            return f"{int(count)} {unit}" + ("s" if count != 1 else "")
    return f"{span.total_seconds():g} seconds"
