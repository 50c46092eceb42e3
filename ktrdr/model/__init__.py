"""Networks: what they are (`config`, without torch) and how they are built (`network`, with it)."""

from ktrdr.model.config import GRU, LSTM, MAX_PARAMETERS, MLP, AnyModel, MLPArchitecture, Model, RecurrentArchitecture

__all__ = [
    "GRU",
    "LSTM",
    "MAX_PARAMETERS",
    "MLP",
    "AnyModel",
    "MLPArchitecture",
    "Model",
    "RecurrentArchitecture",
]
