"""What an indicator is: a frozen declaration with one formula over past bars."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from ktrdr.data.bars import Bars
from ktrdr.declaration import Declaration
from ktrdr.errors import BadBars

Source = Literal["open", "high", "low", "close", "volume", "hl2", "hlc3", "ohlc4"]
Period = Annotated[int, Field(ge=2, le=500, description="bars")]
ShortPeriod = Annotated[int, Field(ge=1, le=500, description="bars")]
Multiplier = Annotated[float, Field(gt=0, le=10)]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_MEANS = {"hl2": ("high", "low"), "hlc3": ("high", "low", "close"), "ohlc4": ("open", "high", "low", "close")}


class Indicator(Declaration):
    """A formula over past bars. Value at bar t uses bars up to and with t.

    Fewer bars than `warmup` give NaN throughout. NaN in the bars is carried on as TA-Lib carries it.
    """

    outputs: ClassVar[tuple[str, ...]] = ("value",)

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
        return pd.DataFrame(dict(zip(self.outputs, self._columns(bars), strict=True)), index=bars.index)


def column(bars: Bars, name: str) -> FloatArray:
    """Return one column, or a mean of some (hl2, hlc3, ohlc4), as a contiguous float64 array.

    Raises
    ------
    BadBars
        If a needed column is missing.
    """
    needed = _MEANS.get(name, (name,))
    missing = [c for c in needed if c not in bars.columns]
    if missing:
        raise BadBars(
            "bars", f"have no column {', '.join(missing)}", "Give bars with open, high, low, close and volume."
        )
    arrays = [np.ascontiguousarray(bars[c].to_numpy(dtype=np.float64)) for c in needed]
    return arrays[0] if len(arrays) == 1 else np.mean(arrays, axis=0)


def is_still(prices: FloatArray, n_bars: int) -> BoolArray:
    """Return (n_bars,): true where the last `n_bars` prices (at the start, those there are) are one and the same."""
    has_moved = np.zeros(len(prices), dtype=bool)
    has_moved[1:] = prices[1:] != prices[:-1]
    return none_within(has_moved, n_bars - 1)


def none_within(events: BoolArray, n_bars: int) -> BoolArray:
    """Return where none of the last `n_bars` events (at the start, of those there are) is true."""
    count = np.cumsum(events)
    count_before = np.zeros_like(count)
    count_before[n_bars:] = count[:-n_bars]
    result: BoolArray = count == count_before
    return result


def neutral_where(is_neutral: BoolArray, values: FloatArray, neutral: float) -> FloatArray:
    """Return `values` with `neutral` where the market gave no reading; NaN stays NaN."""
    return np.where(is_neutral & ~np.isnan(values), neutral, values)
