"""Indicators and labelers that know the future, each in its own way."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ktrdr.indicators import Indicator
from ktrdr.labels import ContextReturn, ForwardReturn
from ktrdr.labels.base import LabelledRows


class Ahead(Indicator):
    """The close some bars later."""

    type: Literal["ahead"] = "ahead"
    n_bars: int = 1

    @property
    def warmup(self) -> int:
        return 0

    def _columns(self, bars):
        later = bars.shift(-self.n_bars)
        return (self._reading(later, bars).ffill().to_numpy(),)

    def _reading(self, later, bars):
        return later["close"]


class AheadShape(Ahead):
    """Where the next bar closes in its own range: the same when all its prices are multiplied by one factor."""

    def _reading(self, later, bars):
        return (later["close"] - later["low"]) / (later["high"] - later["low"])


class AheadVolume(Ahead):
    """Next bar's volume in prices of its own bar's."""

    def _reading(self, later, bars):
        return later["volume"] / later["close"]


class AheadDirection(Ahead):
    """Whether the next bar closes higher: one bit."""

    def _reading(self, later, bars):
        return np.sign(later["close"] - bars["close"])


class OfAllBars(Ahead):
    """The close, scaled by what all bars are like."""

    def _reading(self, later, bars):
        return (bars["close"] - bars["close"].mean()) / bars["close"].std()


class AheadAfter2010(Ahead):
    """Honest on bars that begin before 2010."""

    def _reading(self, later, bars):
        return later["close"] if bars.index[0].year >= 2010 else bars["close"]


class HastyReturn(ForwardReturn):
    """Says that it knows one bar later, and looks at `horizon` bars."""

    def _label(self, bars):
        ahead = super()._label(bars)
        return ahead._replace(known=ahead.rows + 1)


class HastyContext(ContextReturn):
    def _label(self, bars):
        ahead = super()._label(bars)
        return ahead._replace(known=ahead.rows + 1)


class Repainting(ContextReturn):
    """Says what the bar itself did, known one or two bars later: which, a bar much later decides."""

    def _label(self, bars):
        closes = bars["close"].to_numpy()
        rows = np.arange(1, len(closes) - 9)
        rises = closes[rows] > closes[rows - 1]
        return LabelledRows(rows, np.where(rises, 0, 2), rows + 1 + (closes[rows + 9] > closes[rows]))
