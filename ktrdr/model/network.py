"""From a declaration to a network, and from a stored architecture back to the same network.

Tensor legend: B batch, S sequence, F features, H hidden size, C outputs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, TypeAlias

from pydantic import Field, TypeAdapter, model_validator
from torch import Tensor, nn

from ktrdr.declaration import build_declared
from ktrdr.model.config import (
    GRU,
    LSTM,
    MLP,
    OF_HIDDEN_LAYERS,
    Activation,
    AnyModel,
    MLPArchitecture,
    Model,
    RecurrentArchitecture,
)

_ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


class _Sized(Model):
    """A network with the number of its inputs and outputs: all that its shapes need."""

    n_features: int = Field(ge=1)
    n_outputs: int = Field(ge=1)

    @model_validator(mode="after")
    def _is_not_too_large_between_its_ends(self) -> _Sized:
        self.check_size(self.n_features, self.n_outputs)
        return self


class _SizedMLP(_Sized, MLP):
    """A sized perceptron."""


class _SizedLSTM(_Sized, LSTM):
    """A sized long short-term memory."""


class _SizedGRU(_Sized, GRU):
    """Sized gated recurrent units."""


_AnySized: TypeAlias = Annotated[_SizedMLP | _SizedLSTM | _SizedGRU, Field(discriminator="type")]
_ANY_SIZED: TypeAdapter[_AnySized] = TypeAdapter(_AnySized)


def build_network(model: AnyModel, n_features: int, n_outputs: int) -> nn.Module:
    """Return the declared network, initialised from torch's generator as the caller seeded it.

    A perceptron maps x_BF, a recurrent network windows x_BSF, to raw outputs_BC: logits of classes, or one return.
    Dropout is left out where its rate is 0.
    """
    match model:
        case MLP():
            return _perceptron(model.architecture, n_features, n_outputs)
        case LSTM():
            return _Recurrent(nn.LSTM, model.architecture, n_features, n_outputs)
        case GRU():
            return _Recurrent(nn.GRU, model.architecture, n_features, n_outputs)


def architecture_of(model: AnyModel, n_features: int, n_outputs: int) -> dict[str, Any]:
    """Return what `network_from` rebuilds the network from, as plain JSON values; defaults with an effect filled in."""
    declared = model.model_dump(mode="json", exclude={"architecture": _idle_keys(model)})
    parts = {key: declared[key] for key in ("type", "architecture", "features")}
    return {**parts, "n_features": n_features, "n_outputs": n_outputs}


def network_from(architecture: Mapping[str, Any]) -> nn.Module:
    """Build a fresh network from what `architecture_of` returned.

    Raises
    ------
    StrategyError
        With one problem for each thing in `architecture` that is wrong.
    """
    model = build_declared(_ANY_SIZED, dict(architecture), "architecture")
    return build_network(model, model.n_features, model.n_outputs)


def _perceptron(declared: MLPArchitecture, n_features: int, n_outputs: int) -> nn.Sequential:
    """Return linear, activation, dropout for each hidden layer; parameters are `hidden_1.weight`, `output.bias`."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (fan_in, fan_out) in enumerate(pairwise((n_features, *declared.hidden_layers)), start=1):
        layers[f"hidden_{number}"] = nn.Linear(fan_in, fan_out)
        layers[f"activation_{number}"] = _ACTIVATIONS[declared.activation]()
        if declared.dropout:
            layers[f"dropout_{number}"] = nn.Dropout(declared.dropout)
    last_width = declared.hidden_layers[-1] if declared.hidden_layers else n_features
    layers["output"] = nn.Linear(last_width, n_outputs)
    return nn.Sequential(layers)


class _Recurrent(nn.Module):
    """Stacked recurrent layers with dropout between them; the last step's state, through a linear layer, is the output.

    Each layer is a module of its own: dropout inside torch's stacked layers draws, on some devices, from a state that
    nobody can save or put back.
    """

    def __init__(
        self, cell: type[nn.LSTM | nn.GRU], declared: RecurrentArchitecture, n_features: int, n_outputs: int
    ) -> None:
        super().__init__()
        width = declared.hidden_size
        fans_in = (n_features, *[width] * (declared.num_layers - 1))
        self.layers = nn.ModuleList(cell(fan_in, width, batch_first=True) for fan_in in fans_in)
        self.between = nn.Dropout(declared.dropout) if declared.dropout else nn.Identity()
        self.output = nn.Linear(width, n_outputs)

    def forward(self, x_BSF: Tensor) -> Tensor:
        """Return raw outputs_BC."""
        states_BSH = x_BSF
        for number, layer in enumerate(self.layers):
            states_BSH, _ = layer(states_BSH if number == 0 else self.between(states_BSH))
        outputs_BC: Tensor = self.output(states_BSH[:, -1])
        return outputs_BC


def _idle_keys(model: AnyModel) -> set[str]:
    """Return the keys of the architecture that have no effect in this one."""
    if isinstance(model, MLP):
        return set() if model.architecture.hidden_layers else set(OF_HIDDEN_LAYERS)
    return {"dropout"} if model.architecture.num_layers == 1 else set()
