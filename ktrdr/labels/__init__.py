"""Labels: what the network is to forecast. The only room that looks at the future."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import Field, TypeAdapter

from ktrdr.declaration import build_declared
from ktrdr.labels.base import Labeler
from ktrdr.labels.classes import Context, Regime, Signal
from ktrdr.labels.context import ContextReturn
from ktrdr.labels.events import cusum_events
from ktrdr.labels.forward_return import ForwardReturn
from ktrdr.labels.lives import uniqueness
from ktrdr.labels.regime import MarketRegime
from ktrdr.labels.statistics import LabelStatistics, ReturnStatistics, label_statistics
from ktrdr.labels.triple_barrier import TripleBarrier
from ktrdr.labels.zigzag import Zigzag

__all__ = [
    "AnyLabeler",
    "Context",
    "ContextReturn",
    "ForwardReturn",
    "LabelStatistics",
    "Labeler",
    "MarketRegime",
    "Regime",
    "ReturnStatistics",
    "Signal",
    "TripleBarrier",
    "Zigzag",
    "build",
    "cusum_events",
    "label_statistics",
    "uniqueness",
]

AnyLabeler: TypeAlias = Annotated[
    Zigzag | TripleBarrier | ForwardReturn | ContextReturn | MarketRegime, Field(discriminator="source")
]
"""Every labeler there is."""

_LABELER: TypeAdapter[Labeler] = TypeAdapter(AnyLabeler)


def build(config: Any) -> Labeler:
    """Return the labeler that `config` declares, such as `{"source": "zigzag", "threshold": 0.03}`.

    Raises
    ------
    StrategyError
        If the source is unknown, or a key is unknown or out of its range.
    """
    return build_declared(_LABELER, config, "labels")
