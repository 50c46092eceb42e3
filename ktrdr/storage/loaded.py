"""A stored model, read and checked, ready to be applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ktrdr.errors import RequestError
from ktrdr.features import FittedInputs
from ktrdr.storage.columns import difference
from ktrdr.strategy import Strategy

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A network in evaluation mode, with the ordered features that are its contract. `strategy` is the name."""

    model_id: str
    strategy: str
    config: dict[str, Any]
    features: tuple[str, ...]
    classes: tuple[str, ...]
    sequence_length: int | None
    """Bars in the window that the network reads; None where it reads one row."""
    network: nn.Module
    metadata: dict[str, Any]
    trained_from: Strategy
    """What `config` holds: the strategy as it was trained, defaults filled in."""
    inputs: FittedInputs
    """Its inputs as they were fitted on the training rows."""

    def predict_outputs(self, rows: npt.ArrayLike) -> Rows:
        """Return raw outputs (n, O) float32: a logit for each class, or the forecast of a return.

        Parameters
        ----------
        rows
            (n, F), or (n, S, F) for a network that reads windows; columns are `features`, in order.

        Raises
        ------
        RequestError
            If the rows do not have a column for each feature.
        """
        x_B = torch.from_numpy(self._checked(rows))
        with torch.inference_mode():
            return np.asarray(self.network(x_B).numpy(), dtype=np.float32)

    def probabilities(self, rows: npt.ArrayLike) -> Rows:
        """Return the softmax of the logits, (n, C) float32; columns are `classes`.

        Raises
        ------
        RequestError
            If the rows do not have a column for each feature, or the model forecasts returns.
        """
        logits_BC = torch.from_numpy(self.predict_outputs(rows))
        if logits_BC.shape[1] != len(self.classes):
            advice = "Read its outputs: the forecast return of each row."
            raise RequestError("rows", f"{self.model_id} forecasts returns: there are no probabilities.", advice)
        return np.asarray(torch.softmax(logits_BC, dim=1).numpy(), dtype=np.float32)

    def require_features(self, names: Sequence[str]) -> None:
        """Refuse rows with other columns than the model was trained on, or in another order.

        Raises
        ------
        RequestError
            Showing the difference.
        """
        if differs := difference(names, self.features):
            raise RequestError(
                "features",
                f"The features do not match those of {self.model_id}; {differs}.",
                f"Give these columns, in this order: {', '.join(self.features)}.",
            )

    def _checked(self, rows: npt.ArrayLike) -> Rows:
        array = np.array(rows, dtype=np.float32, order="C")  # a copy: torch wants a writable one
        row = (len(self.features),) if self.sequence_length is None else (self.sequence_length, len(self.features))
        if array.shape[1:] != row:
            of_bars = f" on {self.sequence_length} bars" if self.sequence_length else ""
            takes = f"takes rows of {len(self.features)} features{of_bars}"
            raise RequestError(
                "rows",
                f"{self.model_id} {takes}; these have shape {array.shape}.",
                f"Give the columns {', '.join(self.features)}.",
            )
        return array
