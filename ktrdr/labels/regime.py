"""Regime labels: whether the market trends, ranges or is in turmoil."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import talib
from pydantic import Field, model_validator

from ktrdr.data.bars import Bars
from ktrdr.declaration import conflict
from ktrdr.labels.arrays import FloatArray
from ktrdr.labels.base import NO_ROWS, Labeler, LabelledRows
from ktrdr.labels.classes import Regime
from ktrdr.labels.extremes import Extremes, confirmed_extremes


class MarketRegime(Labeler):
    """VOLATILE in turmoil; else TREND_UP or TREND_DOWN if the leg makes headway swing by swing; else RANGING.

    Macro legs run between extremes that a close reverses by `macro_atr_mult` average true ranges of its own bar; micro
    extremes, by `micro_atr_mult`, are the swings inside. An extreme bar belongs to the leg it ends. Volatility is
    ATR / close: VOLATILE if over `vol_crisis_threshold` times its median of the last `vol_lookback` bars, the row's
    included. An up leg makes headway if, of its micro extremes that are known by `known_at`, the share that is higher
    than the one of its kind before in the leg is at least `progression_tolerance`; a down leg if lower. A leg without
    such a pair does. `known_at` is the bar that confirmed the macro leg's end. Bars outside a confirmed macro leg or
    without a median have no row.

    Source: put together from Wilder (1978), *New Concepts in Technical Trading Systems*, section 3, for the average
    true range; Achelis (2000), *Technical Analysis from A to Z*, "Zig Zag", for legs; and Dow theory's higher highs
    and lows, Rhea (1932), *The Dow Theory*, for headway. The composition itself is not taken from a publication.
    """

    classes = Regime
    directions = None
    neutral = Regime.RANGING
    reads = ("high", "low", "close")

    source: Literal["regime"]
    macro_atr_mult: float = Field(default=3.0, gt=0, description="average true ranges that end a macro leg")
    micro_atr_mult: float = Field(default=1.0, gt=0, description="average true ranges that end a swing inside a leg")
    atr_period: int = Field(default=14, ge=1, le=100_000, description="bars; TA-Lib's own upper limit")
    vol_lookback: int = Field(default=120, ge=1, description="bars")
    vol_crisis_threshold: float = Field(default=2.0, gt=0, description="medians of volatility")
    progression_tolerance: float = Field(default=0.5, gt=0, le=1, description="least share of swings with headway")

    @model_validator(mode="after")
    def _has_swings_inside_legs(self) -> MarketRegime:
        if self.micro_atr_mult >= self.macro_atr_mult:
            got = f"got micro_atr_mult {self.micro_atr_mult:.6g} and macro_atr_mult {self.macro_atr_mult:.6g}"
            raise conflict(f"micro_atr_mult must be below macro_atr_mult, {got}", "micro_atr_mult", "macro_atr_mult")
        return self

    @property
    def horizon(self) -> int:
        """The bar that confirms a macro extreme."""
        return 1

    @property
    def _lookback(self) -> int:
        return self.atr_period + self.vol_lookback - 1  # the first bar that has a median

    @property
    def _why_none(self) -> str:
        return f"no macro leg that ends in a reversal of {self.macro_atr_mult:.6g} average true ranges is confirmed"

    @property
    def _advice(self) -> str:
        return "Widen the date range, or lower its macro_atr_mult or vol_lookback."

    def _label(self, bars: Bars) -> LabelledRows:
        if len(bars) <= self._lookback + self.horizon:
            return NO_ROWS
        high, low, close = (np.ascontiguousarray(bars[name].to_numpy(dtype=np.float64)) for name in self.reads)
        atr: FloatArray = talib.ATR(high, low, close, timeperiod=self.atr_period)
        macro = _legs(close, atr, self.macro_atr_mult)
        if macro.at.size < 2:
            return NO_ROWS
        volatility = atr / close
        median: FloatArray = pd.Series(volatility).rolling(self.vol_lookback).median().to_numpy()

        rows = np.arange(macro.at[0] + 1, macro.at[-1] + 1)
        rows = rows[~np.isnan(median[rows])]
        leg = np.searchsorted(macro.at, rows)  # named by the extreme that ends it
        is_rising = close[macro.at[leg]] > close[macro.at[leg - 1]]
        makes_headway = _headway(close, macro, _legs(close, atr, self.micro_atr_mult)) >= self.progression_tolerance
        with np.errstate(over="ignore"):  # a crisis may lie beyond all volatilities
            is_volatile = volatility[rows] > self.vol_crisis_threshold * median[rows]

        labels = np.where(is_rising, Regime.TREND_UP, Regime.TREND_DOWN).astype(np.int64)
        labels[~makes_headway[leg]] = Regime.RANGING
        labels[is_volatile] = Regime.VOLATILE
        return LabelledRows(rows, labels, macro.confirmed[leg])


def _legs(close: FloatArray, atr: FloatArray, multiplier: float) -> Extremes:
    """Return the extremes that a close reversed by `multiplier` average true ranges of its own bar."""
    with np.errstate(over="ignore"):  # a reversal may lie beyond all prices
        return confirmed_extremes(close, np.where(atr > 0, multiplier * atr / close, np.nan))


def _headway(close: FloatArray, macro: Extremes, micro: Extremes) -> FloatArray:
    """Return for the leg that each macro extreme ends the share of its micro extremes that got further than the last.

    Only those inside the leg count, its end included and its start not, that are known once the leg is. Where none has
    one of its kind before it the share is 1; so it is for the first macro extreme, which ends no leg.
    """
    n_legs = macro.at.size
    leg = np.searchsorted(macro.at, micro.at)
    is_inside = (leg > 0) & (leg < n_legs)
    is_inside[is_inside] = micro.confirmed[is_inside] <= macro.confirmed[leg[is_inside]]
    leg, level = leg[is_inside], close[micro.at[is_inside]]
    # highs and lows take turns: the one of its kind before stands two back
    change = level[2:] - level[:-2]
    change[close[macro.at[leg[2:]]] < close[macro.at[leg[2:] - 1]]] *= -1
    is_pair, paired_leg = leg[2:] == leg[:-2], leg[2:]
    n_pairs = np.bincount(paired_leg[is_pair], minlength=n_legs)
    n_further = np.bincount(paired_leg[is_pair & (change > 0)], minlength=n_legs)
    return np.where(n_pairs > 0, n_further / np.maximum(n_pairs, 1), 1.0)
