"""Bars whose truth the test knows: walks, a volume that announces what comes, moves that nothing announces."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ktrdr.data import Bars, DataManager, SeriesKey
from ktrdr.labels import Labeler
from tests.fakes.bars import MemorySource


def in_memory(**series: Bars) -> DataManager:
    """Return daily bars by symbol."""
    return DataManager(MemorySource({SeriesKey(symbol, "1d"): bars for symbol, bars in series.items()}))


def walking_bars(n_bars: int, seed: int = 0) -> Bars:
    """Return a random walk with a drift that turns now and then, and a volatility that comes in waves."""
    random = np.random.default_rng(seed)
    volatility = 0.01 * (1.5 + np.sin(np.arange(n_bars) / 60))
    drift = 0.002 * np.sign(np.sin(np.arange(n_bars) / 40))
    close = 100 * np.exp(np.cumsum(random.normal(drift, volatility)))
    opened = np.r_[100.0, close[:-1]] * np.exp(random.normal(0, 0.003, n_bars))
    return _bars(opened, close, random.uniform(0.0, 0.004, (2, n_bars)), random.uniform(1e3, 1e4, n_bars))


def fair_bars(n_bars: int, seed: int) -> Bars:
    """Return bars that move by -1, 0 or 1 per cent, each as likely, whatever was before."""
    random = np.random.default_rng(seed)
    close = 100 * np.cumprod(1 + 0.01 * random.integers(-1, 2, n_bars))
    return _bars(np.r_[100.0, close[:-1]], close, np.zeros((2, n_bars)), random.uniform(1e3, 1e4, n_bars))


def announcing(bars: Bars, labeler: Labeler) -> Bars:
    """Return the bars with each one's label as its volume: 1 + the class code, or 100 (1 + the return)."""
    label = labeler.label(bars)["label"]
    volume = 100 * (1 + label) if labeler.is_regression else 1.0 + label
    return bars.assign(volume=volume.reindex(bars.index).ffill().bfill().astype(np.float64))


def _bars(opened, close, wicks, volume) -> Bars:
    index = pd.date_range("1990-01-01", periods=len(close), tz="UTC", name="time", unit="us")
    high, low = np.maximum(opened, close) * (1 + wicks[0]), np.minimum(opened, close) * (1 - wicks[1])
    return pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": volume}, index=index)


def candles(n_bars: int, seed: int = 0) -> Bars:
    """Return bars on a coarse grid, with gaps, dojis and long bodies: candlestick patterns of most kinds.

    The last five are a mat hold whose reaction reaches 60 per cent into the first body.
    """
    random = np.random.default_rng(seed)
    gaps, bodies = (
        random.choice([0, 0, 1, -1, 3, -3, 6, -6], n_bars),
        random.choice([0, 0, 1, -1, 5, -5, 8, -8], n_bars),
    )
    gaps[-20:], bodies[-20:] = 0, np.tile([2, -2], 10)
    level = 1000 + np.r_[0, np.cumsum(gaps + bodies)[:-1]] % 500
    opened, close = (level + gaps).astype(np.float64), (level + gaps + bodies).astype(np.float64)
    opened[-5:], close[-5:] = np.array([[0, 26, 19.5, 9, 12], [20, 25, 18.5, 8, 30]]) + close[-6]
    return _bars(opened, close, np.zeros((2, n_bars)), np.ones(n_bars))
