"""What a network is, without torch: read with the strategy, built by `ktrdr.model.network`."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from ktrdr.declaration import Declaration, conflict, refused

MAX_PARAMETERS = 150_000_000
OF_HIDDEN_LAYERS = frozenset({"activation", "dropout"})
"""Keys that say how a hidden layer is."""

Activation = Literal["relu", "tanh", "sigmoid", "leaky_relu", "gelu", "silu"]
LayerWidth = Annotated[int, Field(ge=1)]


class ModelFeatures(Declaration):
    """What the network sees of each feature beyond its value on the row's own bar."""

    lookback_periods: int = Field(default=0, ge=0, le=500, description="lagged copies of every feature, bars back")


class Model(Declaration):
    """A network's declaration."""

    to_shrink: ClassVar[str]
    """The key that makes the network smaller."""

    features: ModelFeatures = ModelFeatures()

    @property
    def sequence_length(self) -> int | None:
        """Bars in the window that the network reads; None where it reads one row."""
        return None

    @property
    def lookback_bars(self) -> int:
        """Bars before a row that the network reads with it."""
        return self.features.lookback_periods + (self.sequence_length or 1) - 1

    @abstractmethod
    def n_parameters(self, n_features: int, n_outputs: int) -> int:
        """Return the number of weights and biases, from the shapes alone; `n_features` counts lagged ones."""

    @model_validator(mode="after")
    def _is_not_too_large(self) -> Model:
        self.check_size(n_features=1, n_outputs=1)
        return self

    def check_size(self, n_features: int, n_outputs: int) -> None:
        """Refuse a network of more than `MAX_PARAMETERS`."""
        count = self.n_parameters(n_features, n_outputs)
        if count > MAX_PARAMETERS:
            message = f"a network of {count:,} parameters; at most {MAX_PARAMETERS:,}: lower {self.to_shrink}"
            raise conflict(message, f"architecture.{self.to_shrink}")


class MLPArchitecture(Declaration):
    """Layers between the features and the outputs."""

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


class MLP(Model):
    """A multilayer perceptron: features -> hidden layers (linear, activation, dropout) -> raw outputs."""

    to_shrink = "hidden_layers"

    type: Literal["mlp"]
    architecture: MLPArchitecture = MLPArchitecture()

    def n_parameters(self, n_features: int, n_outputs: int) -> int:
        widths = (n_features, *self.architecture.hidden_layers, n_outputs)
        return sum(fan_in * fan_out + fan_out for fan_in, fan_out in itertools.pairwise(widths))


class RecurrentArchitecture(Declaration):
    """Stacked recurrent layers over a window of bars; the last step's state gives the outputs."""

    sequence_length: int = Field(ge=1, description="bars, the row's own the last")
    hidden_size: int = Field(default=64, ge=1)
    num_layers: int = Field(default=2, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1, description="between layers")

    @model_validator(mode="after")
    def _has_layers_to_drop_between(self) -> RecurrentArchitecture:
        if self.dropout and self.num_layers == 1:
            message = "dropout stands between layers and has no effect with one: remove it, or raise num_layers"
            raise conflict(message, "num_layers", "dropout", at="dropout")
        return self


class Recurrent(Model):
    """A recurrent network: a window of features -> stacked layers -> the last step's outputs, raw."""

    to_shrink = "hidden_size"
    n_gates: ClassVar[int]

    architecture: RecurrentArchitecture

    @property
    def sequence_length(self) -> int:
        """Bars in the window that the network reads."""
        return self.architecture.sequence_length

    def n_parameters(self, n_features: int, n_outputs: int) -> int:
        width, n_layers = self.architecture.hidden_size, self.architecture.num_layers
        first = width * (n_features + width + 2)  # torch keeps two biases
        others = (n_layers - 1) * width * (2 * width + 2)
        return self.n_gates * (first + others) + width * n_outputs + n_outputs


class LSTM(Recurrent):
    """Long short-term memory.

    Source: Hochreiter and Schmidhuber (1997), *Long Short-Term Memory*; as torch computes it.
    """

    n_gates = 4

    type: Literal["lstm"]


class GRU(Recurrent):
    """Gated recurrent units.

    Source: Cho et al. (2014), *Learning Phrase Representations using RNN Encoder-Decoder*; as torch computes it.
    """

    n_gates = 3

    type: Literal["gru"]


def _exists(config: Any) -> Any:
    if isinstance(config, dict) and config.get("type") == "tsk":
        raise refused("model type tsk does not exist yet", "Use mlp, lstm or gru.", at="type")
    return config


AnyModel: TypeAlias = Annotated[
    Annotated[MLP | LSTM | GRU, Field(discriminator="type")],
    BeforeValidator(_exists),
]
"""Every kind of network there is."""
