"""Triple-barrier labels: which of profit target, stop and time a position would meet first."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import talib
from pydantic import Field, model_validator

from ktrdr.data.bars import Bars
from ktrdr.declaration import conflict
from ktrdr.labels.arrays import FloatArray
from ktrdr.labels.base import NO_ROWS, Labeler, LabelledRows
from ktrdr.labels.classes import Signal

_WINDOW_VALUES = 2**20
"""Values of rolling windows held in memory at once: 8 MiB."""


class TripleBarrier(Labeler):
    """BUY if a long position meets its profit target first, SELL if its stop, at expiry by the sign of its return.

    Barriers stand `pt_multiplier` and `sl_multiplier` volatilities from the close; a bar that touches both is read as
    the stop. A return at expiry within `expiry_band` volatilities of the holding period is HOLD. `known_at` is the
    touching bar, or the last of the holding period. A row needs the whole holding period after it even if a barrier is
    touched sooner, else rows that end fast are favoured at the end. Bars without a volatility have no row.

    Source: Lopez de Prado (2018), *Advances in Financial Machine Learning*, section 3.4.
    """

    reads = ("high", "low", "close")

    source: Literal["triple_barrier"]
    pt_multiplier: float = Field(default=2.0, gt=0, description="volatilities")
    sl_multiplier: float = Field(default=1.5, gt=0, description="volatilities")
    max_holding_period: int = Field(default=50, ge=1, description="bars")
    vol_span: int = Field(default=50, ge=1, le=100_000, description="bars; TA-Lib's own upper limit")
    vol_method: Literal["atr", "close"] = "atr"
    expiry_band: float = Field(default=0.5, ge=0, description="volatilities of the holding period")

    @model_validator(mode="after")
    def _has_a_deviation(self) -> TripleBarrier:
        if self.vol_method == "close" and self.vol_span < 2:
            message = "vol_span must be at least 2 with vol_method close: one return has no deviation"
            raise conflict(message, "vol_span", "vol_method")
        return self

    @property
    def horizon(self) -> int:
        """The whole holding period, even if a barrier is touched sooner."""
        return self.max_holding_period

    @property
    def _lookback(self) -> int:
        return self.vol_span  # the first bar that has a volatility

    @property
    def _why_none(self) -> str:
        return f"prices do not move, and the volatility of {self.vol_span} bars is 0"

    @property
    def _advice(self) -> str:
        return "Widen the date range, or shorten its vol_span or max_holding_period."

    def _label(self, bars: Bars) -> LabelledRows:
        horizon = self.horizon
        if len(bars) <= self.vol_span + horizon:
            return NO_ROWS
        high, low, close = (np.ascontiguousarray(bars[name].to_numpy(dtype=np.float64)) for name in self.reads)
        volatility = self._volatility(high, low, close)[:-horizon]
        rows = np.flatnonzero(volatility > 0)  # neither NaN nor 0
        volatility, entry = volatility[rows], close[rows]
        with np.errstate(over="ignore"):  # a barrier may lie beyond all prices
            stop, target = entry * (1 - self.sl_multiplier * volatility), entry * (1 + self.pt_multiplier * volatility)
            band = self.expiry_band * volatility * math.sqrt(horizon)
        result = close[rows + horizon] / entry - 1
        labels = np.where(result > 0, Signal.BUY, Signal.SELL).astype(np.int64)
        labels[(np.abs(result) < band) | (result == 0)] = Signal.HOLD
        known = rows + horizon
        _apply_touches(LabelledRows(rows, labels, known), (low, stop), (high, target), horizon)
        return LabelledRows(rows, labels, known)

    def _volatility(self, high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
        """Return each bar's volatility as a simple return, NaN where there is none yet."""
        if self.vol_method == "atr":
            atr: FloatArray = talib.ATR(high, low, close, timeperiod=self.vol_span)
            return atr / close
        returns = np.diff(np.log(close))
        return np.concatenate([np.full(self.vol_span, np.nan), _rolling_deviation(returns, self.vol_span)])


def _apply_touches(
    labelled: LabelledRows, stops: tuple[FloatArray, FloatArray], targets: tuple[FloatArray, FloatArray], horizon: int
) -> None:
    """Overwrite `labels` and `known` of the rows that a bar within the horizon decides, in place.

    `stops` are the bars' lows and the rows' stops, `targets` the bars' highs and the rows' targets.
    """
    (low, stop), (high, target) = stops, targets
    undecided = np.arange(labelled.rows.size)  # positions among the rows
    for offset in range(1, horizon + 1):
        bars_ahead = labelled.rows[undecided] + offset
        is_stopped = low[bars_ahead] <= stop[undecided]
        is_touched = is_stopped | (high[bars_ahead] >= target[undecided])
        touched = undecided[is_touched]
        # a bar that touches both barriers is read as the stop: its path within is not known
        labelled.labels[touched] = np.where(is_stopped[is_touched], Signal.SELL, Signal.BUY)
        labelled.known[touched] = bars_ahead[is_touched]
        undecided = undecided[~is_touched]
        if not undecided.size:
            return


def _rolling_deviation(values: FloatArray, span: int) -> FloatArray:
    """Return the standard deviation (ddof 1) of each `span` values in a row, (n - span + 1,).

    Each window is computed by itself: a running sum would carry rounding from old bars into windows without movement.
    """
    windows = np.lib.stride_tricks.sliding_window_view(values, span)
    n_together = max(1, _WINDOW_VALUES // span)
    chunks = [windows[at : at + n_together].std(axis=1, ddof=1) for at in range(0, len(windows), n_together)]
    return np.concatenate(chunks)
