"""Made-up bars for the tests of labelers."""

import numpy as np
import pandas as pd


def bars_of(closes: list[float], highs: list[float] | None = None, lows: list[float] | None = None) -> pd.DataFrame:
    """Return daily bars with these closes; highs and lows are the closes unless given."""
    index = pd.date_range("2020-01-01", periods=len(closes), tz="UTC", name="time", unit="us")
    prices = {"open": closes, "high": highs or closes, "low": lows or closes, "close": closes}
    return pd.DataFrame({**prices, "volume": 1.0}, index=index, dtype=np.float64)


def random_bars(n_bars: int, seed: int) -> pd.DataFrame:
    """Return a random walk on a coarse price grid, with stretches where nothing moves: ties are common."""
    random = np.random.default_rng(seed)
    steps = random.choice([-3, -2, -1, 0, 0, 1, 2, 3], size=n_bars) * (random.random(n_bars) < 0.9)
    steps[n_bars // 3 : n_bars // 3 + 12] = 0
    closes = np.maximum(100 + steps.cumsum(), 20).astype(float)
    wick = random.integers(0, 3, size=(2, n_bars)) * (steps != 0)
    return bars_of(closes.tolist(), (closes + wick[0]).tolist(), (closes - wick[1]).tolist())
