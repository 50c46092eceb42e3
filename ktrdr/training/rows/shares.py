"""How often each class occurs among the rows; in regression, each decision that costs make of a return."""

from __future__ import annotations

import numpy as np

from ktrdr.strategy.schema import Strategy
from ktrdr.training.rows.splitting import LabelArray


def label_shares(strategy: Strategy, y: LabelArray) -> dict[str, float]:
    """Return the share of each class in `y`, (n_rows,), in code order."""
    labeler, costs = strategy.training.labels, strategy.decisions.cost_model
    codes = y if costs is None else costs.decide(y)
    counts = np.bincount(codes, minlength=len(labeler.class_names))
    return {name: int(count) / len(codes) for name, count in zip(labeler.class_names, counts, strict=True)}
