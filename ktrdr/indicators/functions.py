"""TA-Lib's own description of its functions: inputs, parameters with their ranges, outputs, first values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import talib
import talib.abstract

Number = int | float

WITHOUT_BARS = {"MAVP": "MAVP averages over a period of its own at every bar, a column that bars have not"}
"""Functions that no bars can feed, and why."""

NAMES: tuple[str, ...] = tuple(sorted(set(talib.get_functions()) - WITHOUT_BARS.keys()))
"""Every function that can be computed from bars."""

_UNREAD = {("VAR", "nbdev")}
"""Parameters that TA-Lib takes and does not read: they are none here."""

MAMA = 7
"""TA-Lib's number for the one kind of moving average that reads no period."""


def function_meant(name: str) -> str | None:
    """Return the function that `NATR`, `natr` or `talib:NATR` means, be it computable or not; None where it is none."""
    function = name.removeprefix("talib:").upper()
    return function if function in NAMES or function in WITHOUT_BARS else None


UNBOUNDED = 3e37
"""TA-Lib's greatest number: what bounds a number that has no bound of its own."""

_FURTHEST_INTEGER = 2**31 - 1


@dataclass(frozen=True)
class Function:
    """One function of TA-Lib, as its metadata describes it.

    `inputs` are columns of bars in the order of the call. Where one of them is a price of the caller's choice,
    `price_at` is its position. `parameters` are names and defaults; a default's type is the parameter's.
    """

    name: str
    title: str
    group: str
    inputs: tuple[str, ...]
    price_at: int | None
    parameters: tuple[tuple[str, Number], ...]
    outputs: tuple[str, ...]

    def leaves_a_period_unread(self, parameter: str, value: Number) -> bool:
        """Return whether a parameter's value makes another, the period beside it, have no effect."""
        # Bollinger bands read theirs for the deviation as well
        return parameter.endswith("matype") and value == MAMA and self.name != "BBANDS"

    def lookback(self, parameters: Mapping[str, Number]) -> int | None:
        """Return the number of bars before the first value; None where TA-Lib refuses the parameters."""
        function = talib.abstract.Function(self.name)
        if parameters:
            function.parameters = dict(parameters)
        n_bars = int(function.lookback)
        return n_bars if n_bars >= 0 else None


@cache
def function_named(name: str) -> Function:
    """Return the description of one of `NAMES`."""
    described: dict[str, Any] = talib.abstract.Function(name).info
    inputs: list[str] = []
    price_at = None
    for kind, source in described["input_names"].items():
        price_at = len(inputs) if kind == "price" else price_at
        inputs += [source] if isinstance(source, str) else source
    return Function(
        name=name,
        title=described["display_name"],
        group=described["group"],
        inputs=tuple(inputs),
        price_at=price_at,
        parameters=tuple(item for item in described["parameters"].items() if (name, item[0]) not in _UNREAD),
        outputs=tuple(described["output_names"]),
    )


@cache
def bounds(function: Function, parameter: str) -> tuple[Number, Number]:
    """Return the least and the greatest value that TA-Lib accepts, the others at their defaults.

    Its wrapper does not tell them: they are found by asking. A number without a bound is bounded by `UNBOUNDED`.
    """
    default = dict(function.parameters)[parameter]

    asked = talib.abstract.Function(function.name)

    def is_accepted(value: Number) -> bool:
        asked.parameters = {parameter: value}
        return bool(asked.lookback >= 0)

    furthest = _FURTHEST_INTEGER if isinstance(default, int) else UNBOUNDED
    return _last_accepted(is_accepted, default, -furthest), _last_accepted(is_accepted, default, furthest)


def _last_accepted(is_accepted: Callable[[Number], bool], inside: Number, outside: Number) -> Number:
    """Return the last accepted value on the way from an accepted one to `outside`."""
    if is_accepted(outside):
        return outside
    if isinstance(inside, int):
        while abs(outside - inside) > 1:
            middle = int(inside + outside) // 2
            inside, outside = (middle, outside) if is_accepted(middle) else (inside, middle)
        return inside
    for _ in range(150):  # halves a distance of 3e37 to 2e-8
        half = (inside + outside) / 2
        inside, outside = (half, outside) if is_accepted(half) else (inside, half)
    short = round(inside, 6) + 0.0  # no -0
    return short if is_accepted(short) else inside
