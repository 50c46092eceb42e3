"""What a labeler is: the only kind of thing that looks at the future, and says when it knew."""

from __future__ import annotations

from abc import abstractmethod
from enum import IntEnum
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ktrdr.data.bars import Bars
from ktrdr.declaration import Declaration
from ktrdr.errors import BadBars
from ktrdr.labels.classes import Signal

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_PRICES = ("open", "high", "low", "close")


class LabelledRows(NamedTuple):
    """Positions of the labelled bars, ascending, their labels, and positions of the bars that made them known."""

    rows: IntArray
    labels: IntArray
    known: IntArray


class Labeler(Declaration):
    """A question about the future of a bar, with one answer a bar.

    Bars whose future is not complete have no row. Bars after `known_at` never change a row.
    """

    classes: ClassVar[type[IntEnum]] = Signal
    reads: ClassVar[tuple[str, ...]] = ("close",)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in code order."""
        return tuple(member.name for member in sorted(self.classes))

    @property
    @abstractmethod
    def lookback(self) -> int:
        """Number of bars before the first one that can be labelled."""

    @property
    @abstractmethod
    def horizon(self) -> int:
        """Number of bars after a bar that its label needs at least."""

    @property
    @abstractmethod
    def why_none(self) -> str:
        """Why bars that are enough may still have no label, as part of a sentence."""

    @property
    @abstractmethod
    def advice(self) -> str:
        """What to change where no bar has a label, as a sentence."""

    @abstractmethod
    def _label(self, bars: Bars) -> LabelledRows:
        """Label bars whose prices are finite and positive."""

    def label(self, bars: Bars) -> pd.DataFrame:
        """Return one row for each bar whose label the bars settle.

        Returns
        -------
        DataFrame
            Indexed by the labelled bars. `label` (int64): the class code. `known_at`: the open time of the bar whose
            close made the label known, always later than the row. Empty where there are too few bars.

        Raises
        ------
        BadBars
            If a price column is missing, or naming the first bar with a price that is missing, not finite or not
            positive.
        """
        _check_prices(bars, self.reads)
        rows, labels, known = self._label(bars)
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
