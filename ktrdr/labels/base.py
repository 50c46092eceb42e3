"""What a labeler is: the only kind of thing that looks at the future, and says when it knew."""

from __future__ import annotations

from abc import abstractmethod
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from ktrdr.data.bars import Bars
from ktrdr.declaration import Declaration, LeftOut
from ktrdr.errors import BadBars
from ktrdr.labels.arrays import FloatArray, IntArray
from ktrdr.labels.classes import Signal
from ktrdr.labels.events import cusum_events

_PRICES = ("open", "high", "low", "close")


class LabelledRows(NamedTuple):
    """Positions of the labelled bars, ascending, their labels, and positions of the bars that made them known."""

    rows: IntArray
    labels: IntArray | FloatArray
    known: IntArray


NO_ROWS = LabelledRows(*(np.empty(0, dtype=np.int64) for _ in range(3)))
"""What too few bars give labelers of classes."""


class Labeler(Declaration):
    """A question about the future of a bar, with one answer a bar.

    Bars whose future is not complete have no row. Bars after `known_at` never change a row. With `cusum_threshold` only
    bars that are events have a row; what its label says is the same.
    """

    classes: ClassVar[type[IntEnum]] = Signal
    directions: ClassVar[tuple[int, int, int] | None] = (Signal.BUY, Signal.HOLD, Signal.SELL)
    """The codes that stand for a rise, no change and a fall; None where the classes are no directions."""
    neutral: ClassVar[int] = Signal.HOLD
    """The code that is answered where the network is not confident."""
    reads: ClassVar[tuple[str, ...]] = ("close",)

    source: str
    """The name of the question; each labeler has its own."""
    cusum_threshold: LeftOut[Annotated[float, Field(gt=0)]] = Field(
        default=None, description="summed log returns that make a bar an event; left out: every bar is one"
    )

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in code order: of the labels, or where those are returns, of the decisions they map to."""
        return tuple(member.name for member in sorted(self.classes))

    @property
    def is_regression(self) -> bool:
        """Whether labels are returns, not class codes."""
        return False

    @property
    def lookback(self) -> int:
        """Number of bars before the first one that can be labelled."""
        n_to_an_event = 0 if self.cusum_threshold is None else 1
        return max(self._lookback, n_to_an_event)

    if TYPE_CHECKING:  # a field of some labelers: an attribute here would stand in its way

        @property
        def horizon(self) -> int:
            """Number of bars after a bar that its label needs at least."""

    @property
    def why_none(self) -> str:
        """Why bars that are enough may still have no label, as part of a sentence."""
        if self.cusum_threshold is None:
            return self._why_none
        return f"{self._why_none}, or no such bar is an event by its cusum_threshold of {self.cusum_threshold:.6g}"

    @property
    def advice(self) -> str:
        """What to change where no bar has a label, in sentences."""
        return self._advice if self.cusum_threshold is None else f"{self._advice} Or lower its cusum_threshold."

    @property
    @abstractmethod
    def _lookback(self) -> int:
        """`lookback`, were every bar an event."""

    @property
    @abstractmethod
    def _why_none(self) -> str:
        """`why_none`, were every bar an event."""

    @property
    @abstractmethod
    def _advice(self) -> str:
        """`advice`, were every bar an event."""

    @abstractmethod
    def _label(self, bars: Bars) -> LabelledRows:
        """Label bars whose prices are finite and positive, were every bar an event."""

    def label(self, bars: Bars) -> pd.DataFrame:
        """Return one row for each bar whose label the bars settle.

        Returns
        -------
        DataFrame
            Indexed by the labelled bars. `label`: the class code (int64), or the return (float64) where
            `is_regression`. `known_at`: the open time of the bar whose close made the label known, always later than
            the row. Empty where there are too few bars.

        Raises
        ------
        BadBars
            If a price column is missing, or naming the first bar with a price that is missing, not finite or not
            positive.
        """
        _check_prices(bars, self.reads)
        rows, labels, known = self._label(bars)
        if self.cusum_threshold is not None:
            events = cusum_events(bars["close"].to_numpy(dtype=np.float64), self.cusum_threshold)
            is_event = np.isin(rows, events, assume_unique=True)
            rows, labels, known = rows[is_event], labels[is_event], known[is_event]
        return pd.DataFrame({"label": labels, "known_at": bars.index[known]}, index=bars.index[rows])


def _check_prices(bars: Bars, reads: tuple[str, ...]) -> None:
    missing = [name for name in reads if name not in bars.columns]
    if missing:
        raise BadBars(
            "bars", f"have no column {', '.join(missing)}", "Give bars with open, high, low, close and volume."
        )
    prices = bars[[name for name in _PRICES if name in bars.columns]].to_numpy(dtype=np.float64)
    is_wrong = ~(np.isfinite(prices) & (prices > 0)).all(axis=1)
    if is_wrong.any():
        at = bars.index[int(np.argmax(is_wrong))]
        raise BadBars(
            "bars",
            f"bar {at} has a price that is missing, not finite or not positive",
            "Correct the bar, or leave it out, and import the series again.",
        )
