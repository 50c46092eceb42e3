"""From a declaration to a network, and from a stored architecture back to the same network.

Tensor legend: B batch, F features, C classes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from pydantic import Field, TypeAdapter, model_validator
from torch import nn

from ktrdr.declaration import build_declared
from ktrdr.model.config import MLP, OF_HIDDEN_LAYERS, Activation

_ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


class _SizedMLP(MLP):
    """A perceptron with the number of its inputs and outputs: all that a network's shapes need."""

    n_features: int = Field(ge=1)
    n_classes: int = Field(ge=2)

    @model_validator(mode="after")
    def _is_not_too_large_between_its_ends(self) -> _SizedMLP:
        self.check_size(self.n_features, self.n_classes)
        return self


_SIZED_MLP = TypeAdapter(_SizedMLP)


def build_network(model: MLP, n_features: int, n_classes: int) -> nn.Module:
    """Return a perceptron that maps x_BF to raw logits_BC, initialised from torch's generator as the caller seeded it.

    Each hidden layer is linear, activation, dropout (left out where its rate is 0). Parameters are named
    `hidden_1.weight`, ..., `output.bias`.
    """
    declared = model.architecture
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (fan_in, fan_out) in enumerate(pairwise((n_features, *declared.hidden_layers)), start=1):
        layers[f"hidden_{number}"] = nn.Linear(fan_in, fan_out)
        layers[f"activation_{number}"] = _ACTIVATIONS[declared.activation]()
        if declared.dropout:
            layers[f"dropout_{number}"] = nn.Dropout(declared.dropout)
    last_width = declared.hidden_layers[-1] if declared.hidden_layers else n_features
    layers["output"] = nn.Linear(last_width, n_classes)
    return nn.Sequential(layers)


def architecture_of(model: MLP, n_features: int, n_classes: int) -> dict[str, Any]:
    """Return what `network_from` rebuilds the network from, as plain JSON values; defaults with an effect filled in."""
    idle = set() if model.architecture.hidden_layers else set(OF_HIDDEN_LAYERS)
    return {
        **model.model_dump(mode="json", exclude={"architecture": idle}),
        "n_features": n_features,
        "n_classes": n_classes,
    }


def network_from(architecture: Mapping[str, Any]) -> nn.Module:
    """Build a fresh network from what `architecture_of` returned.

    Raises
    ------
    StrategyError
        With one problem for each thing in `architecture` that is wrong.
    """
    model = build_declared(_SIZED_MLP, dict(architecture), "architecture")
    return build_network(model, model.n_features, model.n_classes)
