"""The class encoding, written once."""

from __future__ import annotations

from enum import IntEnum


class Signal(IntEnum):
    """What zigzag and triple-barrier labels say."""

    BUY = 0
    HOLD = 1
    SELL = 2
