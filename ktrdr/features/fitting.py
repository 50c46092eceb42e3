"""What is learnt from the training rows before the network is: fitted fuzzy sets and scalers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ktrdr.errors import EqualQuantiles
from ktrdr.features.blocks import InputBlock
from ktrdr.features.scaling import Scaler
from ktrdr.fuzzy import FittedSet, FuzzySet

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FittedInputs:
    """The inputs with all that they need to become features, in the order of the features."""

    blocks: tuple[InputBlock, ...]
    transforms: tuple[FuzzySet | Scaler, ...]
    """For each block; a set is one with parameters, fitted or not."""

    @property
    def names(self) -> tuple[str, ...]:
        """The features of one bar, in order: lagged copies aside."""
        return tuple(name for block in self.blocks for name in block.names)

    @property
    def scalers(self) -> dict[str, Scaler]:
        """The scaler of each raw feature."""
        pairs = zip(self.blocks, self.transforms, strict=True)
        return {block.names[0]: scaler for block, scaler in pairs if isinstance(scaler, Scaler)}

    @property
    def fitted_sets(self) -> dict[str, dict[str, FuzzySet]]:
        """What was fitted: for each set that is, the sets by timeframe."""
        fitted: dict[str, dict[str, FuzzySet]] = {}
        for block, transform in zip(self.blocks, self.transforms, strict=True):
            if isinstance(block.transform, FittedSet) and isinstance(transform, FuzzySet):
                fitted.setdefault(str(block.fuzzy_set), {})[block.timeframe] = transform
        return fitted

    def features_of(self, table: pd.DataFrame) -> FloatArray:
        """Return the features (n_rows, n_features) of a table's rows; NaN where the table has it."""
        columns = [
            _applied(block, transform, table[list(block.table_names)].to_numpy(dtype=np.float64))
            for block, transform in zip(self.blocks, self.transforms, strict=True)
        ]
        return np.concatenate(columns, axis=1)


def fit_inputs(blocks: Sequence[InputBlock], training: pd.DataFrame) -> FittedInputs:
    """Return the inputs fitted on `training`, the table's training rows of all symbols.

    Raises
    ------
    EqualQuantiles
        If a fitted set's values are too much alike for its terms.
    """
    return FittedInputs(tuple(blocks), tuple(_fitted(block, training) for block in blocks))


def _fitted(block: InputBlock, training: pd.DataFrame) -> FuzzySet | Scaler:
    transform = block.transform
    if isinstance(transform, FuzzySet):
        return transform
    values = training[block.table_names[0]].to_numpy(dtype=np.float64)
    if isinstance(transform, FittedSet):
        try:
            return transform.fitted_on(values)
        except EqualQuantiles as error:
            raise error.of_set(f"{block.fuzzy_set} on {block.timeframe}", f"fuzzy_sets.{block.fuzzy_set}") from None
    return Scaler.fit(transform, values)


def _applied(block: InputBlock, transform: FuzzySet | Scaler, values_NC: FloatArray) -> FloatArray:
    if block.is_settled:
        return values_NC
    if isinstance(transform, Scaler):
        return transform(values_NC)
    return transform.degrees(values_NC[:, 0])


def inputs_from(blocks: Sequence[InputBlock], state: Mapping[str, Any]) -> FittedInputs:
    """Return the inputs as they were fitted, from what `state_of` returned: nothing is fitted anew.

    Parameters
    ----------
    blocks
        The inputs of the strategy that the state is of.
    state
        `fuzzy_sets` and `scalers`; other entries are not looked at.
    """
    return FittedInputs(tuple(blocks), tuple(_as_fitted(block, state) for block in blocks))


def _as_fitted(block: InputBlock, state: Mapping[str, Any]) -> FuzzySet | Scaler:
    transform = block.transform
    if isinstance(transform, FuzzySet):
        return transform
    if isinstance(transform, FittedSet):
        terms = state["fuzzy_sets"][str(block.fuzzy_set)]["fitted"][block.timeframe]
        return FuzzySet.model_validate({"indicator": transform.indicator, **terms})
    return Scaler.model_validate(state["scalers"][block.names[0]])


def state_of(inputs: FittedInputs, declared: Mapping[str, FuzzySet | FittedSet]) -> dict[str, Any]:
    """Return what is kept with a model, as JSON values: `fuzzy_sets`, those fitted by timeframe, and `scalers`."""
    sets = {name: fuzzy_set.model_dump(mode="json") for name, fuzzy_set in declared.items()}
    for name, by_timeframe in inputs.fitted_sets.items():
        sets[name]["fitted"] = {
            timeframe: fuzzy_set.model_dump(mode="json", exclude={"indicator"})
            for timeframe, fuzzy_set in by_timeframe.items()
        }
    return {
        "fuzzy_sets": sets,
        "scalers": {name: scaler.model_dump(mode="json") for name, scaler in inputs.scalers.items()},
    }
