"""Bars made up for the tests of this room."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ktrdr.data import Bars


def walk(n_bars: int = 60, start: str = "2020-01-01", freq: str = "D", seed: int = 0) -> Bars:
    """A random walk that `check_bars` accepts."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, n_bars)))
    opened = close * np.exp(rng.normal(0, 0.003, n_bars))
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * 1.002,
            "low": np.minimum(opened, close) * 0.998,
            "close": close,
            "volume": rng.integers(0, 1000, n_bars).astype(float),
        },
        index=pd.date_range(start, periods=n_bars, freq=freq, tz="UTC", name="time"),
    )
