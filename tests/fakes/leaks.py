"""An indicator that knows the future, for those who say that they would see it."""

from __future__ import annotations

import pandas as pd
import pytest

from ktrdr.data import Bars
from ktrdr.indicators import Indicator


def let_indicators_see_the_next_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every indicator's value a bar before it is known."""
    honest = Indicator.compute

    def compute(indicator: Indicator, bars: Bars) -> pd.DataFrame:
        return honest(indicator, bars).shift(-1)

    monkeypatch.setattr(Indicator, "compute", compute)
