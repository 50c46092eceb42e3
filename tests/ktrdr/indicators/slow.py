"""The formulas that are this project's own, as plain loops straight from their definitions. No TA-Lib, no NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean, pstdev

import pandas as pd

Numbers = Sequence[float]
NAN = math.nan


class Market:
    """Columns of bars as lists."""

    def __init__(self, bars: pd.DataFrame) -> None:
        self.open, self.high, self.low, self.close, self.volume = (
            [float(x) for x in bars[name]] for name in ("open", "high", "low", "close", "volume")
        )
        self.n_bars = len(bars)
        rows = list(zip(self.open, self.high, self.low, self.close, strict=True))
        self.hl2 = [(h + low) / 2 for _, h, low, _ in rows]
        self.hlc3 = [(h + low + c) / 3 for _, h, low, c in rows]
        self.ohlc4 = [(o + h + low + c) / 4 for o, h, low, c in rows]


def windowed(n_bars: int, period: int, formula: Callable[[slice], float]) -> list[float]:
    """`formula` of every full window, NaN before the first."""
    return [NAN if t < period - 1 else formula(slice(t - period + 1, t + 1)) for t in range(n_bars)]


def sma(x: Numbers, period: int) -> list[float]:
    return windowed(len(x), period, lambda w: fmean(x[w]))


def ema(x: Numbers, period: int) -> list[float]:
    values = [NAN] * len(x)
    for t in range(period - 1, len(x)):
        before = values[t - 1] if t >= period else None
        share = 2 / (period + 1)
        values[t] = fmean(x[:period]) if before is None else before + share * (x[t] - before)
    return values


def atr(m: Market, period: int) -> list[float]:
    ranges = [NAN] + [max(m.high[t], m.close[t - 1]) - min(m.low[t], m.close[t - 1]) for t in range(1, m.n_bars)]
    values = [NAN] * m.n_bars
    for t in range(period, m.n_bars):
        is_first = t == period
        values[t] = fmean(ranges[1 : t + 1]) if is_first else (values[t - 1] * (period - 1) + ranges[t]) / period
    return values


def bollingerbandwidth(m: Market, period: int = 20, multiplier: float = 2.0) -> tuple[list[float], ...]:
    return (windowed(m.n_bars, period, lambda w: 2 * multiplier * pstdev(m.close[w]) / fmean(m.close[w])),)


def cmf(m: Market, period: int = 21) -> tuple[list[float], ...]:
    def place(t: int) -> float:
        reach = m.high[t] - m.low[t]
        return ((m.close[t] - m.low[t]) - (m.high[t] - m.close[t])) / reach if reach else 0.0

    flow = [place(t) * m.volume[t] for t in range(m.n_bars)]
    return (windowed(m.n_bars, period, lambda w: sum(flow[w]) / sum(m.volume[w]) if sum(m.volume[w]) else 0.0),)


def donchianchannels(m: Market, period: int = 20) -> tuple[list[float], ...]:
    upper = windowed(m.n_bars, period, lambda w: max(m.high[w]))
    lower = windowed(m.n_bars, period, lambda w: min(m.low[w]))
    return upper, [(u + low) / 2 for u, low in zip(upper, lower, strict=True)], lower


def keltnerchannels(
    m: Market, period: int = 20, atr_period: int = 10, multiplier: float = 2.0
) -> tuple[list[float], ...]:
    middle, reach = ema(m.close, period), [multiplier * x for x in atr(m, atr_period)]
    pairs = list(zip(middle, reach, strict=True))
    return [a + b for a, b in pairs], middle, [a - b for a, b in pairs]


def ichimoku(
    m: Market, tenkan: int = 9, kijun: int = 26, senkou: int = 52, displacement: int = 26
) -> tuple[list[float], ...]:
    def middle(period: int) -> list[float]:
        return windowed(m.n_bars, period, lambda w: (max(m.high[w]) + min(m.low[w])) / 2)

    fast, slow, far = middle(tenkan), middle(kijun), middle(senkou)
    spans = [(a + b) / 2 for a, b in zip(fast, slow, strict=True)]
    before = [t - displacement for t in range(m.n_bars)]
    return fast, slow, *([x[t] if t >= 0 else NAN for t in before] for x in (spans, far))


def fishertransform(m: Market, period: int = 10, smoothing: int = 3) -> tuple[list[float], ...]:
    v = fisher = 0.0
    values, signals = [NAN] * m.n_bars, [NAN] * m.n_bars
    for t in range(period - 1, m.n_bars):
        window = m.hl2[t - period + 1 : t + 1]
        spread = max(window) - min(window)
        z = 2 * (m.hl2[t] - min(window)) / spread - 1 if spread else 0.0
        a = 2 / (smoothing + 1)
        v = min(max(a * z + (1 - a) * v, -0.999), 0.999)
        signals[t] = fisher if t > period - 1 else NAN
        values[t] = fisher = math.log((1 + v) / (1 - v)) / 2 + fisher / 2
    return values, signals


def rvi(m: Market, period: int = 10, signal: int = 4) -> tuple[list[float], ...]:
    def w(x: Numbers, t: int) -> float:
        return (x[t] + 2 * x[t - 1] + 2 * x[t - 2] + x[t - 3]) / 6

    body = [c - o for c, o in zip(m.close, m.open, strict=True)]
    reach = [h - low for h, low in zip(m.high, m.low, strict=True)]
    values = [NAN] * m.n_bars
    for t in range(period + 2, m.n_bars):
        window = range(t - period + 1, t + 1)
        below = fmean(w(reach, i) for i in window)
        values[t] = fmean(w(body, i) for i in window) / below if below else 0.0
    return values, sma(values, signal)


def vwap(m: Market, period: int = 20) -> tuple[list[float], ...]:
    values = [NAN] * m.n_bars
    for t in range(max(period - 1, 0), m.n_bars):
        window = slice(t - period + 1 if period else 0, t + 1)
        prices, weights = m.hlc3[window], m.volume[window]
        money = sum(p * v for p, v in zip(prices, weights, strict=True))
        values[t] = money / sum(weights) if sum(weights) else fmean(prices)
    return (values,)


def volumeratio(m: Market, period: int = 20) -> tuple[list[float], ...]:
    means = sma(m.volume, period)
    return ([NAN if math.isnan(mean) else v / mean if mean else 1.0 for v, mean in zip(m.volume, means, strict=True)],)


def distancefromma(m: Market, period: int = 20, ma_type: str = "sma", source: str = "close") -> tuple[list[float], ...]:
    x = getattr(m, source)
    means = {"sma": sma, "ema": ema}[ma_type](x, period)
    return ([NAN if math.isnan(a) else 100 * (p - a) / a if a else 0.0 for p, a in zip(x, means, strict=True)],)


def squeezeintensity(
    m: Market, bb_period: int = 20, bb_multiplier: float = 2.0, kc_period: int = 20, kc_multiplier: float = 2.0
) -> tuple[list[float], ...]:
    deviations, reach = windowed(m.n_bars, bb_period, lambda w: pstdev(m.close[w])), atr(m, kc_period)
    values = []
    for deviation, half in zip(deviations, reach, strict=True):
        if math.isnan(deviation) or math.isnan(half):
            values.append(NAN)
        else:
            inside = 1 - (bb_multiplier * deviation) / (kc_multiplier * half) if half else 0.0
            values.append(max(0.0, inside))
    return (values,)


FORMULAS: dict[str, Callable[..., tuple[list[float], ...]]] = {
    formula.__name__: formula
    for formula in (
        bollingerbandwidth, cmf, donchianchannels, keltnerchannels, ichimoku, fishertransform, rvi, vwap, volumeratio,
        distancefromma, squeezeintensity,
    )
}  # fmt: skip
