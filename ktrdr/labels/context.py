"""Context labels: whether the price stands higher or lower some bars later."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from ktrdr.data.bars import Bars
from ktrdr.declaration import conflict
from ktrdr.labels.base import LabelledRows
from ktrdr.labels.classes import Context
from ktrdr.labels.fixed_horizon import FixedHorizon, returns_ahead


class ContextReturn(FixedHorizon):
    """BULLISH if the return over the next `horizon` bars is above `bullish`, BEARISH if below `bearish`, else NEUTRAL.

    The return is simple, c_{t+horizon} / c_t - 1. `known_at` is the bar `horizon` bars later.

    Source: the fixed-time horizon of Lopez de Prado (2018), *Advances in Financial Machine Learning*, section 3.2,
    with a threshold for each side.
    """

    classes = Context
    directions = (Context.BULLISH, Context.NEUTRAL, Context.BEARISH)
    neutral = Context.NEUTRAL

    source: Literal["context"]
    horizon: int = Field(default=5, ge=1, description="bars")
    bullish: float = Field(default=0.005, description="simple return above which a row is BULLISH")
    bearish: float = Field(default=-0.005, description="simple return below which a row is BEARISH")

    @model_validator(mode="after")
    def _has_a_neutral_band(self) -> ContextReturn:
        if self.bearish >= self.bullish:
            message = f"bearish must be below bullish, got bearish {self.bearish:.6g} and bullish {self.bullish:.6g}"
            raise conflict(message, "bearish", "bullish")
        return self

    def _label(self, bars: Bars) -> LabelledRows:
        ahead = returns_ahead(bars, self.horizon)
        codes = np.full(ahead.rows.size, Context.NEUTRAL, dtype=np.int64)
        codes[ahead.labels > self.bullish] = Context.BULLISH
        codes[ahead.labels < self.bearish] = Context.BEARISH
        return ahead._replace(labels=codes)
