"""Forward-return labels: what a position would have made some bars later."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ktrdr.data.bars import Bars
from ktrdr.declaration import LeftOut
from ktrdr.labels.base import LabelledRows
from ktrdr.labels.classes import Signal
from ktrdr.labels.fixed_horizon import FixedHorizon, returns_ahead


class ForwardReturn(FixedHorizon):
    """The simple return of the close over the next `horizon` bars: R = c_{t+horizon} / c_t - 1.

    With a `threshold` BUY if R > threshold, SELL if R < -threshold, else HOLD. Without one the label is R itself, for
    regression. `known_at` is the bar `horizon` bars later.

    Source: the fixed-time horizon of Lopez de Prado (2018), *Advances in Financial Machine Learning*, section 3.2.
    """

    source: Literal["forward_return"]
    horizon: int = Field(default=20, ge=1, description="bars")
    threshold: LeftOut[Annotated[float, Field(gt=0)]] = Field(
        default=None, description="simple return beyond which a row is BUY or SELL; left out: labels are returns"
    )

    @property
    def is_regression(self) -> bool:
        return self.threshold is None

    def _label(self, bars: Bars) -> LabelledRows:
        ahead = returns_ahead(bars, self.horizon)
        if self.threshold is None:
            return ahead
        codes = np.full(ahead.rows.size, Signal.HOLD, dtype=np.int64)
        codes[ahead.labels > self.threshold] = Signal.BUY
        codes[ahead.labels < -self.threshold] = Signal.SELL
        return ahead._replace(labels=codes)
