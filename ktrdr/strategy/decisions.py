"""`decisions`: how the network's outputs are read."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ktrdr.declaration import Declaration, LeftOut, conflict
from ktrdr.labels import Signal
from ktrdr.strategy.names import Inert


class CostModel(Declaration):
    """What a trade costs, as a simple return: a forecast decides for one only beyond `edge`."""

    round_trip_cost: float = Field(gt=0, description="simple return that a trade costs, in and out")
    min_edge_multiplier: float = Field(default=1.0, gt=0, description="round trip costs")

    @property
    def edge(self) -> float:
        """The simple return beyond which a forecast is BUY or SELL, else HOLD."""
        return self.round_trip_cost * self.min_edge_multiplier

    def decide(self, returns: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
        """Return the `Signal` code that a decision for each simple return has, in the shape of `returns`.

        BUY above the edge, SELL below minus the edge, else HOLD. Compared in float64, whatever the returns come in.

        Examples
        --------
        >>> CostModel(round_trip_cost=0.001, min_edge_multiplier=2).decide(np.array([0.003, 0.002, -0.0021])).tolist()
        [0, 1, 2]
        """
        # rounded to float32, the edge could fall on the other side of a forecast
        exact = np.asarray(returns, dtype=np.float64)
        codes = np.full(exact.shape, Signal.HOLD, dtype=np.int64)
        codes[exact > self.edge] = Signal.BUY
        codes[exact < -self.edge] = Signal.SELL
        return codes


class Decisions(Declaration):
    """How the network's outputs are read: as classes, or as a return of which costs make a decision."""

    output_format: Literal["classification", "regression"] = "classification"
    confidence_threshold: float = Field(default=0.0, ge=0, le=1)
    cost_model: LeftOut[CostModel] = None
    position_awareness: Inert = None
    filters: Inert = None

    @model_validator(mode="after")
    def _costs_belong_to_returns(self) -> Decisions:
        if self.output_format == "regression" and self.cost_model is None:
            message = "regression needs a cost_model: without one no forecast decides anything"
            raise conflict(message, "output_format", "cost_model", at="output_format")
        if self.output_format == "classification" and self.cost_model is not None:
            raise conflict(
                "cost_model has no effect with output_format classification: remove it", "output_format", "cost_model"
            )
        if self.output_format == "regression" and "confidence_threshold" in self.model_fields_set:
            message = "confidence_threshold has no effect with output_format regression: remove it"
            raise conflict(message, "output_format", "confidence_threshold", at="confidence_threshold")
        return self
