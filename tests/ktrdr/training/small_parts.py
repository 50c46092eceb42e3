"""Parts of a few rows whose labels are given, and the strategies' words that say how to read them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ktrdr.labels import build
from ktrdr.strategy.decisions import Decisions
from ktrdr.training.rows.dataset import Part
from ktrdr.training.rows.splitting import UNKNOWN_CLASS

SIGNALS = build({"source": "zigzag"})
CONTEXTS = build({"source": "context"})
REGIMES = build({"source": "regime"})
RETURNS = build({"source": "forward_return", "horizon": 5})

EDGE = 0.002


def priced(edge: float = EDGE) -> Decisions:
    """Decisions whose edge is twice a cost of half of it."""
    return Decisions(output_format="regression", cost_model={"round_trip_cost": edge / 2, "min_edge_multiplier": 2.0})


def part_of(y, *, X=None, last_sign=None, last_known_y=None) -> Part:
    """One symbol's rows; without `last_known_y` nothing is known yet, without `last_sign` no bar moved."""
    y = np.asarray(y)
    n_rows = len(y)
    times = pd.date_range("2020-01-01", periods=n_rows, tz="UTC")
    unknown = np.nan if y.dtype.kind == "f" else UNKNOWN_CLASS
    return Part(
        X=np.zeros((n_rows, 1), dtype=np.float32) if X is None else X,
        y=y,
        index=pd.MultiIndex.from_product([["A"], times], names=["symbol", "time"]),
        known_at=times,
        last_sign=np.zeros(n_rows, dtype=np.int64) if last_sign is None else np.array(last_sign),
        last_known_y=np.full(n_rows, unknown) if last_known_y is None else np.array(last_known_y),
    )
