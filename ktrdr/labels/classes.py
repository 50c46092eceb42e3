"""The class encodings, written once."""

from __future__ import annotations

from enum import IntEnum


class Signal(IntEnum):
    """What zigzag, triple-barrier and forward-return labels say."""

    BUY = 0
    HOLD = 1
    SELL = 2


class Context(IntEnum):
    """What context labels say: where the price stands some bars later."""

    BULLISH = 0
    NEUTRAL = 1
    BEARISH = 2


class Regime(IntEnum):
    """What regime labels say: how the market moves."""

    TREND_UP = 0
    TREND_DOWN = 1
    RANGING = 2
    VOLATILE = 3
