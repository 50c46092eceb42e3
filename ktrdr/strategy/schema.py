"""The strategy file as frozen models. The schema is closed; every key has an effect, those of `Inert` content aside."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from ktrdr.data.bars import SYMBOL, Timeframe
from ktrdr.declaration import Declaration, LeftOut, conflict, refused
from ktrdr.fuzzy import FuzzySet
from ktrdr.indicators import AnyIndicator
from ktrdr.labels import AnyLabeler
from ktrdr.model.config import MLP
from ktrdr.strategy.dates import DateText

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def _full_match(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"{text!r} is not a {what}: it must match {pattern.pattern}")
    return text


def _is_read(version: Any) -> Any:
    if isinstance(version, bool) or not isinstance(version, str | int | float) or re.match(r"3|\D|$", str(version)):
        return version  # the literal says what is wrong with it
    difference = (
        "In 3.0 `indicators` maps an id to its parameters, each fuzzy set names its indicator, and `nn_inputs` lists "
        "what the network sees; 2.x has a list of indicators with `feature_id`, and no `nn_inputs`."
    )
    raise refused(f"version {version} is not read, only 3.0", difference if str(version).startswith("2") else None)


def _is_finite(content: Any) -> Any:
    if isinstance(content, float) and not math.isfinite(content):
        raise ValueError("numbers must be finite")
    for item in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        _is_finite(item)
    return content


Inert = Annotated[Any, AfterValidator(_is_finite)]
"""Any content: kept with the model, without effect."""
Name = Annotated[str, AfterValidator(lambda text: _full_match(NAME, text, "name"))]
Symbol = Annotated[str, AfterValidator(lambda text: _full_match(SYMBOL, text, "symbol"))]
TimeframeText = Annotated[Timeframe, Field(strict=False)]
Version = Annotated[Literal["3.0"], BeforeValidator(_is_read)]
Epochs = Annotated[int, Field(ge=1)]


_WITHOUT_EFFECT: dict[str, Any] = {
    **dict.fromkeys(("description", "hypothesis", "scope", "deployment"), True),
    "decisions": {"position_awareness", "filters"},
}


class SingleSymbol(Declaration):
    """Train on one symbol."""

    mode: Literal["single"]
    symbol: Symbol

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols, in order."""
        return (self.symbol,)


class MultiSymbol(Declaration):
    """Train on several symbols, each computed, labelled and split on its own."""

    mode: Literal["multi_symbol"]
    list: Annotated[tuple[Symbol, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _are_distinct(self) -> MultiSymbol:
        if len(set(self.list)) != len(self.list):
            raise conflict("a symbol is listed twice", "list")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols, in order."""
        return self.list


class SingleTimeframe(Declaration):
    """Train on bars of one length."""

    mode: Literal["single"]
    timeframe: TimeframeText

    @property
    def names(self) -> tuple[str, ...]:
        """The timeframes, in order."""
        return (self.timeframe.value,)


class DateRange(Declaration):
    """Dates by a bar's open, both inclusive; a request's dates win."""

    start: LeftOut[DateText] = None
    end: LeftOut[DateText] = None

    @model_validator(mode="after")
    def _runs_forward(self) -> DateRange:
        if self.start and self.end and self.start > self.end:
            raise conflict(f"start {self.start} is after end {self.end}", "start", "end")
        return self


class TrainingData(Declaration):
    """Which bars."""

    symbols: Annotated[SingleSymbol | MultiSymbol, Field(discriminator="mode")]
    timeframes: SingleTimeframe
    date_range: DateRange = DateRange()
    history_required: int = Field(default=0, ge=0, description="bars of warm-up demanded before start")


AllTimeframes = Annotated[Literal["all"], Tag("all")]
ListedTimeframes = Annotated[tuple[TimeframeText, ...], Field(strict=False, min_length=1), Tag("listed")]


class FuzzyInput(Declaration):
    """The memberships of one fuzzy set, as features."""

    fuzzy_set: str
    timeframes: Annotated[
        AllTimeframes | ListedTimeframes,
        Discriminator(lambda value: "all" if isinstance(value, str) else "listed"),
    ] = "all"

    @model_validator(mode="after")
    def _timeframes_are_distinct(self) -> FuzzyInput:
        if len(set(self.timeframes)) != len(self.timeframes) and self.timeframes != "all":
            raise conflict("a timeframe is listed twice", "timeframes")
        return self


class Decisions(Declaration):
    """How the network's outputs are read."""

    output_format: Literal["classification"] = "classification"
    confidence_threshold: float = Field(default=0.0, ge=0, le=1)
    position_awareness: Inert = None
    filters: Inert = None


class DataSplit(Declaration):
    """Shares of rows, in time order; they sum to 1."""

    train: float = Field(gt=0, lt=1)
    validation: float = Field(gt=0, lt=1)
    test: float = Field(gt=0, lt=1)
    embargo_bars: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _sums_to_one(self) -> DataSplit:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            message = f"train + validation + test is {total:.12g}; the shares must sum to 1"
            raise conflict(message, "train", "validation", "test")
        return self


class EarlyStopping(Declaration):
    """Stop after `patience` epochs without an improvement of more than `min_delta`."""

    patience: int = Field(default=10, ge=1, description="epochs")
    min_delta: float = Field(default=0.001, ge=0)
    monitor: Literal["val_loss", "val_accuracy"] = "val_loss"


class Training(Declaration):
    """How the network is trained."""

    labels: AnyLabeler
    data_split: LeftOut[DataSplit] = None
    epochs: Epochs = 100
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=0.001, gt=0)
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    weight_decay: float = Field(default=0.0, ge=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    early_stopping: LeftOut[EarlyStopping] = None
    gradient_clip: LeftOut[Annotated[float, Field(gt=0)]] = Field(default=None, description="norm")
    class_weights: Literal["balanced", "none"] = "none"
    seed: int = Field(default=0, ge=0, le=2**32 - 1)

    @model_validator(mode="after")
    def _momentum_belongs_to_sgd(self) -> Training:
        if "momentum" in self.model_fields_set and self.optimizer != "sgd":
            message = f"momentum has no effect with optimizer {self.optimizer}: remove it or use sgd"
            raise conflict(message, "momentum", "optimizer", at="momentum")
        return self


class Strategy(Declaration):
    """A whole strategy: bars, indicators, fuzzy sets, inputs, labels, model and training."""

    name: Name
    version: Version = "3.0"
    description: str = ""
    hypothesis: str = ""
    scope: Inert = None
    deployment: Inert = None
    training_data: TrainingData
    indicators: dict[Name, AnyIndicator] = Field(default_factory=dict)
    fuzzy_sets: dict[Name, FuzzySet] = Field(default_factory=dict)
    nn_inputs: Annotated[tuple[FuzzyInput, ...], Field(strict=False, min_length=1)]
    model: MLP
    decisions: Decisions = Decisions()
    training: Training

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols to train on, in order."""
        return self.training_data.symbols.names

    @property
    def timeframes(self) -> tuple[str, ...]:
        """The timeframes read, in order."""
        return self.training_data.timeframes.names

    @property
    def base_timeframe(self) -> str:
        """The timeframe whose bars are the rows."""
        return self.timeframes[0]

    @property
    def warmup(self) -> int:
        """Bars before the first one on which every input has a value."""
        used = {self.fuzzy_sets[item.fuzzy_set].indicator.split(".")[0] for item in self.nn_inputs}
        return max(self.indicators[name].warmup for name in used)

    @property
    def features(self) -> tuple[str, ...]:
        """The ordered feature names, `{timeframe}_{fuzzy_set}_{membership}`."""
        return tuple(
            f"{timeframe}_{item.fuzzy_set}_{membership}"
            for item in self.nn_inputs
            for timeframe in self.timeframes
            if item.timeframes == "all" or timeframe in item.timeframes
            for membership in self.fuzzy_sets[item.fuzzy_set].memberships
        )

    def document(self) -> dict[str, Any]:
        """Return the strategy as plain JSON values; `load_strategy` of it gives an equal strategy."""
        return self.model_dump(mode="json", exclude_unset=True)

    @property
    def sha256(self) -> str:
        """Hash of what has an effect, defaults filled in: comments, spelling and free content aside."""
        full = self.model_dump(mode="json", exclude=_WITHOUT_EFFECT)
        full["features"] = self.features  # their order is part of what it says; that of keys is not
        return hashlib.sha256(json.dumps(full, sort_keys=True).encode()).hexdigest()
