"""Networks: what they are (`config`, without torch) and how they are built (`network`, with it)."""

from ktrdr.model.config import MAX_PARAMETERS, MLP, MLPArchitecture

__all__ = ["MAX_PARAMETERS", "MLP", "MLPArchitecture"]
