"""What an indicator is: a frozen declaration with one formula over past bars."""

from __future__ import annotations

from abc import abstractmethod
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import talib
from pydantic import Field, field_validator

from ktrdr.data.bars import COLUMNS, Bars, Symbol
from ktrdr.data.findings import runs
from ktrdr.declaration import Declaration, LeftOut
from ktrdr.errors import BadBars

Source = Annotated[
    Literal["open", "high", "low", "close", "volume", "hl2", "hlc3", "ohlc4"],
    Field(description="the column read, or a mean of some: hl2 is (high + low) / 2"),
]
Period = Annotated[int, Field(ge=2, le=500, description="bars")]
ShortPeriod = Annotated[int, Field(ge=1, le=500, description="bars")]
Multiplier = Annotated[float, Field(gt=0, le=10, description="how many deviations or average true ranges")]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

OTHER_SYMBOL = "another symbol, on whose bars it is computed, aligned as-of; `compute` is handed its bars"
SIMPLE, EXPONENTIAL = 0, 1
"""TA-Lib's numbers for two kinds of moving average."""

_MEANS = {
    "hl2": (("high", "low"), talib.MEDPRICE),
    "hlc3": (("high", "low", "close"), talib.TYPPRICE),
    "ohlc4": (("open", "high", "low", "close"), talib.AVGPRICE),
}


class Indicator(Declaration):
    """A formula over past bars. Value at bar t uses bars up to and with t.

    `type` may be spelled by an alias and holds the first name of its literal. Fewer bars than `warmup` give NaN in some
    output throughout. Where a column that it reads is missing (NaN) after all have begun, every output is NaN from that
    bar on: no value rests on a price that is not there.
    """

    outputs: ClassVar[tuple[str, ...]] = ("value",)

    data_source: Annotated[LeftOut[Symbol], Field(description=OTHER_SYMBOL)] = None

    @field_validator("type", check_fields=False)
    @classmethod
    def _is_canonical(cls, name: str) -> Any:
        return cls.names()[0]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the type and then its aliases."""
        return get_args(cls.model_fields["type"].annotation)

    @property
    @abstractmethod
    def warmup(self) -> int:
        """Number of leading rows with a NaN: from this bar on every output has a value."""

    @abstractmethod
    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        """Return one (n_bars,) array for each of `outputs`, in order."""

    def compute(self, bars: Bars) -> pd.DataFrame:
        """Return (n_bars, n_outputs), columns `outputs`, indexed like `bars`, which is not changed.

        Raises
        ------
        BadBars
            If a column that the formula reads is missing.
        """
        known = self._known(bars)
        if known is not None:
            values = np.full((len(bars), len(self.outputs)), np.nan)
            values[known] = self.compute(bars.iloc[known]).to_numpy()
            return pd.DataFrame(values, index=bars.index, columns=_labels(self.outputs), copy=False)
        arrays = self._columns(bars)
        # The arrays are this call's own: one needs no copy, several become the columns of one block.
        values = arrays[0][:, np.newaxis] if len(arrays) == 1 else np.array(arrays).T
        return pd.DataFrame(values, index=bars.index, columns=_labels(self.outputs), copy=False)

    def _known(self, bars: Bars) -> slice | None:
        """Return the first run of bars on which no column read is missing; None if that is all of them."""
        with_gaps = [name for name in COLUMNS if name in bars.columns and bars[name].hasnans]
        read = [name for name in with_gaps if self._reads(name, bars)]
        if not read:
            return None
        # What TA-Lib makes of a gap differs by function: a running sum is lost, a comparison takes it for no movement.
        is_known = bars[read].notna().all(axis=1).to_numpy()
        return slice(*next(iter(runs(is_known)), (0, 0)))

    def _reads(self, name: str, bars: Bars) -> bool:
        try:
            self._columns(bars.iloc[:0].drop(columns=name))
        except BadBars:
            return True
        return False


@cache
def _labels(outputs: tuple[str, ...]) -> pd.Index:
    # pandas takes ten times as long to make one from a list as to put a frame together
    return pd.Index(outputs)


def column(bars: Bars, name: str) -> FloatArray:
    """Return one column, or a mean of some (hl2, hlc3, ohlc4), as a contiguous float64 array.

    Raises
    ------
    BadBars
        If a needed column is missing.
    """
    needed, mean = _MEANS.get(name, ((name,), None))
    missing = [c for c in needed if c not in bars.columns]
    if missing:
        raise BadBars(
            "bars", f"have no column {', '.join(missing)}", "Give bars with open, high, low, close and volume."
        )
    arrays = [np.ascontiguousarray(bars[c].to_numpy(dtype=np.float64)) for c in needed]
    return arrays[0] if mean is None else mean(*arrays)


def columns(bars: Bars, *names: str) -> list[FloatArray]:
    """Return several columns, each as `column` does."""
    return [column(bars, name) for name in names]


def is_still(prices: FloatArray, n_bars: int) -> BoolArray:
    """Return (n_bars,): true where the last `n_bars` prices (at the start, those there are) are one and the same."""
    has_moved = np.zeros(len(prices), dtype=bool)
    has_moved[1:] = prices[1:] != prices[:-1]
    return none_within(has_moved, n_bars - 1)


def none_within(events: BoolArray, n_bars: int) -> BoolArray:
    """Return where none of the last `n_bars` events (at the start, of those there are) is true."""
    if events.all():
        return ~events
    count = np.cumsum(events)
    count_before = np.zeros_like(count)
    count_before[n_bars:] = count[:-n_bars]
    result: BoolArray = count == count_before
    return result


def neutral_where(is_neutral: BoolArray, values: FloatArray, neutral: float) -> FloatArray:
    """Return `values` with `neutral` where the market gave no reading; NaN stays NaN."""
    return np.where(is_neutral & ~np.isnan(values), neutral, values)


def ratio(numerator: FloatArray, denominator: FloatArray, is_empty: BoolArray, neutral: float) -> FloatArray:
    """Return the quotient, `neutral` where `is_empty` says that both are 0 but for rounding; NaN stays NaN."""
    is_neutral = is_empty & ~np.isnan(numerator) & ~np.isnan(denominator)
    values = np.full(len(numerator), neutral)
    np.divide(numerator, denominator, out=values, where=~is_neutral)
    return values
