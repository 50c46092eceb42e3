"""Progress in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class ProgressRenderer(Protocol):
    """Turns where an operation is into one line for a person."""

    def render(self, step_number: int, step_name: str, context: Mapping[str, Any]) -> str:
        """Return the line. `context` holds the keys of `ktrdr.async_infrastructure.progress.CONTEXT_KEYS`."""


class TrainingProgressRenderer:
    """The step, then what it is at: epoch and batch, the indicator, or the series.

    Examples
    --------
    >>> TrainingProgressRenderer().render(7, "Training neural network model", {"epoch": 5, "total_epochs": 100})
    'Training neural network model - Epoch 5/100'
    """

    def render(self, step_number: int, step_name: str, context: Mapping[str, Any]) -> str:
        """Return one line."""
        return " - ".join([step_name, *_places(context)])


def _places(context: Mapping[str, Any]) -> list[str]:
    if context.get("epoch") is not None:
        places = [f"Epoch {context['epoch']}/{context['total_epochs']}"]
        if context.get("batch") is not None:
            places.append(f"Batch {context['batch']}/{context['total_batches']}")
        return places
    if context.get("indicator") is not None:
        return [str(context["indicator"])]
    series = [str(context[key]) for key in ("symbol", "timeframe") if context.get(key) is not None]
    return [" ".join(series)] if series else []
