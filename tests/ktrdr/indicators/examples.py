"""Configs of every indicator, each with the bare TA-Lib calls that it must equal, and bars to compute them on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import talib

from ktrdr.data import Bars, BarStore, SeriesKey

Columns = tuple[np.ndarray[Any, Any], ...]


@dataclass(frozen=True)
class Example:
    """One config, its warm-up counted by hand, and what it must equal on open, high, low, close, volume."""

    config: dict[str, Any]
    warmup: int
    formula: Callable[..., Columns | np.ndarray[Any, Any]]

    @property
    def name(self) -> str:
        return "-".join(str(value) for value in self.config.values())

    def expected(self, bars: Bars) -> Columns:
        result = self.formula(*(bars[name].to_numpy().copy() for name in ("open", "high", "low", "close", "volume")))
        return tuple(result) if isinstance(result, (tuple, list)) else (result,)


EXAMPLES = [
    Example({"type": "sma"}, 19, lambda o, h, lo, c, v: talib.SMA(c, 20)),
    Example({"type": "sma", "period": 2, "source": "volume"}, 1, lambda o, h, lo, c, v: talib.SMA(v, 2)),
    Example(
        {"type": "sma", "period": 5, "source": "hlc3"}, 4, lambda o, h, lo, c, v: talib.SMA(talib.TYPPRICE(h, lo, c), 5)
    ),
    Example({"type": "ema"}, 19, lambda o, h, lo, c, v: talib.EMA(c, 20)),
    Example({"type": "ema", "period": 1, "source": "open"}, 0, lambda o, h, lo, c, v: o),
    Example({"type": "ema", "period": 500}, 499, lambda o, h, lo, c, v: talib.EMA(c, 500)),
    Example({"type": "wma"}, 19, lambda o, h, lo, c, v: talib.WMA(c, 20)),
    Example(
        {"type": "wma", "period": 3, "source": "hl2"}, 2, lambda o, h, lo, c, v: talib.WMA(talib.MEDPRICE(h, lo), 3)
    ),
    Example({"type": "rsi"}, 14, lambda o, h, lo, c, v: talib.RSI(c, 14)),
    Example({"type": "rsi", "period": 2, "source": "high"}, 2, lambda o, h, lo, c, v: talib.RSI(h, 2)),
    Example({"type": "macd"}, 33, lambda o, h, lo, c, v: talib.MACD(c, 12, 26, 9)),
    Example(
        {"type": "macd", "fast_period": 2, "slow_period": 3, "signal_period": 2, "source": "low"},
        3,
        lambda o, h, lo, c, v: talib.MACD(lo, 2, 3, 2),
    ),
    Example({"type": "atr"}, 14, lambda o, h, lo, c, v: talib.ATR(h, lo, c, 14)),
    Example({"type": "atr", "period": 1}, 1, lambda o, h, lo, c, v: talib.TRANGE(h, lo, c)),
    Example({"type": "bollingerbands"}, 19, lambda o, h, lo, c, v: talib.BBANDS(c, 20, 2.0, 2.0)),
    Example(
        {"type": "bollingerbands", "period": 2, "multiplier": 1, "source": "ohlc4"},
        1,
        lambda o, h, lo, c, v: talib.BBANDS(talib.AVGPRICE(o, h, lo, c), 2, 1.0, 1.0),
    ),
    Example({"type": "stochastic"}, 17, lambda o, h, lo, c, v: talib.STOCH(h, lo, c, 14, 3, 0, 3, 0)),
    Example(
        {"type": "stochastic", "k_period": 5, "smooth_k": 2, "d_period": 7},
        11,
        lambda o, h, lo, c, v: talib.STOCH(h, lo, c, 5, 2, 0, 7, 0),
    ),
    Example({"type": "williamsr"}, 13, lambda o, h, lo, c, v: talib.WILLR(h, lo, c, 14)),
    Example({"type": "williamsr", "period": 2}, 1, lambda o, h, lo, c, v: talib.WILLR(h, lo, c, 2)),
    Example({"type": "cci"}, 19, lambda o, h, lo, c, v: talib.CCI(h, lo, c, 20)),
    Example({"type": "cci", "period": 2}, 1, lambda o, h, lo, c, v: talib.CCI(h, lo, c, 2)),
    Example({"type": "roc"}, 10, lambda o, h, lo, c, v: talib.ROC(c, 10)),
    Example({"type": "roc", "period": 1, "source": "high"}, 1, lambda o, h, lo, c, v: talib.ROC(h, 1)),
    Example({"type": "momentum"}, 10, lambda o, h, lo, c, v: talib.MOM(c, 10)),
    Example({"type": "momentum", "period": 1, "source": "low"}, 1, lambda o, h, lo, c, v: talib.MOM(lo, 1)),
    Example({"type": "mfi"}, 14, lambda o, h, lo, c, v: talib.MFI(h, lo, c, v, 14)),
    Example({"type": "mfi", "period": 2}, 2, lambda o, h, lo, c, v: talib.MFI(h, lo, c, v, 2)),
    Example({"type": "obv"}, 0, lambda o, h, lo, c, v: talib.OBV(c, v)),
    Example(
        {"type": "adx"},
        27,
        lambda o, h, lo, c, v: (talib.ADX(h, lo, c, 14), talib.PLUS_DI(h, lo, c, 14), talib.MINUS_DI(h, lo, c, 14)),
    ),
    Example(
        {"type": "adx", "period": 2},
        3,
        lambda o, h, lo, c, v: (talib.ADX(h, lo, c, 2), talib.PLUS_DI(h, lo, c, 2), talib.MINUS_DI(h, lo, c, 2)),
    ),
]


def bundled(symbol: str = "SP500") -> Bars:
    """The last 1500 bundled bars of an index."""
    return BarStore([Path(__file__).parents[3] / "data"]).read(SeriesKey(symbol, "1d")).iloc[-1500:]


def walk(n_bars: int = 700, seed: int = 0) -> Bars:
    """A random walk."""
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, n_bars)))
    opened = close * np.exp(rng.normal(0, 0.01, n_bars))
    high, low = np.maximum(opened, close) * 1.004, np.minimum(opened, close) * 0.997
    return frame(opened, high, low, close, rng.uniform(1, 1e6, n_bars))


def flat(price: float, n_bars: int = 100) -> Bars:
    """A market that does not move, but trades."""
    return frame(*(np.full(n_bars, price) for _ in range(4)), np.full(n_bars, 1000.0))


def frame(*columns: Any) -> Bars:
    """Bars of five columns, a day apart."""
    index = pd.date_range("2020-01-01", periods=len(columns[0]), tz="UTC", name="time")
    return pd.DataFrame(dict(zip(("open", "high", "low", "close", "volume"), columns, strict=True)), index=index)
