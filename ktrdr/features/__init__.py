"""Features: from indicators and memberships to the ordered columns that the network reads."""

from ktrdr.features.blocks import InputBlock, lagged_names
from ktrdr.features.fitting import FittedInputs, fit_inputs, inputs_from, state_of
from ktrdr.features.scaling import Normalization, Scaler
from ktrdr.features.table import as_of, feature_table
from ktrdr.features.windows import complete_rows, windows, with_lags

__all__ = [
    "FittedInputs",
    "InputBlock",
    "Normalization",
    "Scaler",
    "as_of",
    "complete_rows",
    "feature_table",
    "fit_inputs",
    "inputs_from",
    "lagged_names",
    "state_of",
    "windows",
    "with_lags",
]
