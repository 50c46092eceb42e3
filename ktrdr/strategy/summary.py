"""A strategy in short, as lists of strategies show it."""

from __future__ import annotations

from typing import Any

from ktrdr.strategy.schema import Strategy


def summary_of(strategy: Strategy) -> dict[str, Any]:
    """Return what it is, what it reads, what it forecasts and with what, as plain JSON values."""
    return {
        "description": strategy.description,
        "symbols": list(strategy.symbols),
        "timeframes": list(strategy.timeframes),
        "labels": strategy.training.labels.source,
        "model": strategy.model.type,
    }
