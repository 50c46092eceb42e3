"""What a network is, without torch: read with the strategy, built by `ktrdr.model.network`."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ktrdr.declaration import Declaration, conflict

MAX_PARAMETERS = 50_000_000
OF_HIDDEN_LAYERS = frozenset({"activation", "dropout"})
"""Keys that say how a hidden layer is."""

Activation = Literal["relu", "tanh", "sigmoid", "leaky_relu", "gelu", "silu"]
LayerWidth = Annotated[int, Field(ge=1)]


class MLPArchitecture(Declaration):
    """Layers between the features and the classes."""

    hidden_layers: Annotated[tuple[LayerWidth, ...], Field(strict=False)] = (64, 32)
    activation: Activation = "relu"
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _has_layers_to_shape(self) -> MLPArchitecture:
        idle = sorted(self.model_fields_set & OF_HIDDEN_LAYERS)
        if idle and not self.hidden_layers:
            message = f"{idle[0]} has no effect where hidden_layers is empty: remove it, or add a layer"
            raise conflict(message, "hidden_layers", idle[0])
        return self


class MLP(Declaration):
    """A multilayer perceptron: features -> hidden layers (linear, activation, dropout) -> raw logits."""

    type: Literal["mlp"]
    architecture: MLPArchitecture = MLPArchitecture()

    @model_validator(mode="after")
    def _is_not_too_large(self) -> MLP:
        self.check_size(n_features=1, n_classes=1)
        return self

    def n_parameters(self, n_features: int, n_classes: int) -> int:
        """Return the number of weights and biases, from the shapes alone."""
        widths = (n_features, *self.architecture.hidden_layers, n_classes)
        return sum(fan_in * fan_out + fan_out for fan_in, fan_out in itertools.pairwise(widths))

    def check_size(self, n_features: int, n_classes: int) -> None:
        """Refuse a network of more than `MAX_PARAMETERS`."""
        count = self.n_parameters(n_features, n_classes)
        if count > MAX_PARAMETERS:
            message = (
                f"a network of {count:,} parameters; at most {MAX_PARAMETERS:,}: use fewer or narrower hidden_layers"
            )
            raise conflict(message, "architecture.hidden_layers")
