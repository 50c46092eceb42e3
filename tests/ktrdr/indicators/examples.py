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
from tests.ktrdr.indicators.slow import FORMULAS, Market

Columns = tuple[np.ndarray[Any, Any], ...]


@dataclass(frozen=True)
class Example:
    """One config, its warm-up counted by hand, and what it must equal on open, high, low, close, volume.

    Without a formula of TA-Lib it must equal the slow one of its type.
    """

    config: dict[str, Any]
    warmup: int
    formula: Callable[..., Columns | np.ndarray[Any, Any]] | None = None

    @property
    def name(self) -> str:
        return "-".join(str(value) for value in self.config.values())

    def expected(self, bars: Bars) -> Columns:
        if self.formula is None:
            parameters = {name: value for name, value in self.config.items() if name != "type"}
            return tuple(np.array(x) for x in FORMULAS[self.config["type"]](Market(bars), **parameters))
        result = self.formula(*(bars[name].to_numpy().copy() for name in ("open", "high", "low", "close", "volume")))
        return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def _sarext(initial: float, step: float, maximum: float) -> Callable[..., np.ndarray[Any, Any]]:
    one_side = (initial, step, maximum)
    return lambda o, h, lo, c, v: np.abs(talib.SAREXT(h, lo, 0.0, 0.0, *one_side, *one_side))


def _supertrend(period: int, multiplier: float) -> Callable[..., Columns]:
    def formula(o: Any, h: Any, lo: Any, c: Any, v: Any) -> Columns:
        line, direction = talib.SUPERTREND(h, lo, c, period, multiplier)
        return line, np.concatenate([np.full(period, np.nan), direction[period:].astype(float)])

    return formula


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
    Example({"type": "adline"}, 0, lambda o, h, lo, c, v: talib.AD(h, lo, c, v)),
    Example({"type": "aroon"}, 14, lambda o, h, lo, c, v: (*talib.AROON(h, lo, 14)[::-1], talib.AROONOSC(h, lo, 14))),
    Example(
        {"type": "aroon", "period": 2},
        2,
        lambda o, h, lo, c, v: (*talib.AROON(h, lo, 2)[::-1], talib.AROONOSC(h, lo, 2)),
    ),
    Example({"type": "parabolicsar"}, 1, lambda o, h, lo, c, v: talib.SAR(h, lo, 0.02, 0.2)),
    Example(
        {"type": "parabolicsar", "initial_af": 0.1, "step_af": 0.1, "max_af": 0.1},
        1,
        lambda o, h, lo, c, v: talib.SAR(h, lo, 0.1, 0.1),
    ),
    Example({"type": "parabolicsar", "initial_af": 0.03}, 1, _sarext(0.03, 0.02, 0.2)),
    Example({"type": "parabolicsar", "step_af": 0.05, "max_af": 1}, 1, _sarext(0.02, 0.05, 1)),
    Example({"type": "supertrend"}, 10, _supertrend(10, 3.0)),
    Example({"type": "supertrend", "period": 2, "multiplier": 0.5}, 2, _supertrend(2, 0.5)),
    Example({"type": "bollingerbandwidth"}, 19),
    Example({"type": "bollingerbandwidth", "period": 5, "multiplier": 0.5}, 4),
    Example({"type": "cmf"}, 20),
    Example({"type": "cmf", "period": 2}, 1),
    Example({"type": "donchianchannels"}, 19),
    Example({"type": "donchianchannels", "period": 2}, 1),
    Example({"type": "keltnerchannels"}, 19),
    Example({"type": "keltnerchannels", "period": 5, "atr_period": 12, "multiplier": 1}, 12),
    Example({"type": "ichimoku"}, 77),
    Example({"type": "ichimoku", "tenkan": 5, "kijun": 3, "senkou": 2, "displacement": 0}, 4),
    Example({"type": "ichimoku", "tenkan": 2, "kijun": 30, "senkou": 9, "displacement": 1}, 30),
    Example({"type": "fishertransform"}, 10),
    Example({"type": "fishertransform", "period": 3, "smoothing": 20}, 3),
    Example({"type": "rvi"}, 15),
    Example({"type": "rvi", "period": 2, "signal": 7}, 10),
    Example({"type": "vwap"}, 19),
    Example({"type": "vwap", "period": 2}, 1),
    Example({"type": "vwap", "period": 0}, 0),
    Example({"type": "volumeratio"}, 19),
    Example({"type": "volumeratio", "period": 2}, 1),
    Example({"type": "distancefromma"}, 19),
    Example({"type": "distancefromma", "period": 3, "ma_type": "ema", "source": "ohlc4"}, 2),
    Example({"type": "distancefromma", "period": 7, "ma_type": "sma", "source": "volume"}, 6),
    Example({"type": "squeezeintensity"}, 20),
    Example({"type": "squeezeintensity", "bb_period": 30, "kc_period": 5, "kc_multiplier": 4}, 29),
    Example(
        {"type": "talib", "function": "STOCHF", "fastk_period": 7}, 8, lambda o, h, lo, c, v: talib.STOCHF(h, lo, c, 7)
    ),
    Example(
        {"type": "talib", "function": "MAX", "source": "hlc3"}, 29, lambda o, h, lo, c, v: talib.MAX((h + lo + c) / 3)
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
