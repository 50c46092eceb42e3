"""The strategy file as frozen models. The schema is closed; every key has an effect, those of `Inert` content aside."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from ktrdr.data.bars import SeriesKey
from ktrdr.declaration import Declaration, conflict, refused
from ktrdr.features import InputBlock, lagged_names
from ktrdr.fuzzy import AnyFuzzySet
from ktrdr.indicators import AnyIndicator, Indicator
from ktrdr.model.config import AnyModel
from ktrdr.strategy.decisions import Decisions
from ktrdr.strategy.names import Inert, Name
from ktrdr.strategy.nn_inputs import AnyInput, FuzzyInput
from ktrdr.strategy.training import Training
from ktrdr.strategy.training_data import TrainingData


def _is_read(version: Any) -> Any:
    if version == 3 and isinstance(version, int | float):
        raise refused(f"expected a text, got {version}", "Put it in quotes: '3.0'.")
    if isinstance(version, bool) or not isinstance(version, str | int | float) or re.match(r"3|\D|$", str(version)):
        return version  # the literal says what is wrong with it
    advice = "`ktrdr strategies migrate` rewrites the file." if str(version).startswith(("1", "2")) else None
    raise refused(f"version {version} is not read, only 3.0", advice)


Version = Annotated[Literal["3.0"], BeforeValidator(_is_read)]

_WITHOUT_EFFECT: dict[str, Any] = {
    **dict.fromkeys(("description", "hypothesis", "scope", "deployment"), True),
    "decisions": {"position_awareness", "filters"},
}


class Strategy(Declaration):
    """A whole strategy: bars, indicators, fuzzy sets, inputs, labels, model and training."""

    name: Name
    version: Version = "3.0"
    description: Inert = ""
    hypothesis: Inert = ""
    scope: Inert = None
    deployment: Inert = None
    training_data: TrainingData
    indicators: dict[Name, AnyIndicator] = Field(default_factory=dict)
    fuzzy_sets: dict[Name, AnyFuzzySet] = Field(default_factory=dict)
    nn_inputs: Annotated[tuple[AnyInput, ...], Field(strict=False, min_length=1)]
    model: AnyModel
    decisions: Decisions = Decisions()
    training: Training

    @model_validator(mode="after")
    def _outputs_fit_the_labels(self) -> Strategy:
        labels, output = self.training.labels, self.decisions.output_format
        keys = ("decisions.output_format", "training.labels")
        if labels.is_regression and output == "classification":
            message = f"{labels.source} without a threshold gives returns, not classes"
            advice = "set a threshold, or decisions.output_format: regression"
            raise conflict(f"{message}: {advice}", *keys, at="training")
        if not labels.is_regression and output == "regression":
            advice = "use training.labels {source: forward_return} without a threshold"
            raise conflict(f"regression needs labels that are returns: {advice}", *keys, at="decisions")
        return self

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols to train on, in order."""
        return self.training_data.symbols.names

    @property
    def timeframes(self) -> tuple[str, ...]:
        """The timeframes read, in order."""
        return self.training_data.timeframes.names

    @property
    def timeframes_read(self) -> tuple[str, ...]:
        """Those whose bars of the symbols trained on an input reads, and the base timeframe."""
        used = {self.base_timeframe, *(block.timeframe for block in self.blocks if not block.data_source)}
        return tuple(timeframe for timeframe in self.timeframes if timeframe in used)

    @property
    def base_timeframe(self) -> str:
        """The timeframe whose bars are the rows."""
        return self.training_data.timeframes.base

    @property
    def blocks(self) -> tuple[InputBlock, ...]:
        """What each input gives on each of its timeframes, in the order of the features."""
        return tuple(
            self._block(item, timeframe)
            for item in self.nn_inputs
            for timeframe in self.timeframes
            if item.is_on(timeframe)
        )

    @property
    def features(self) -> tuple[str, ...]:
        """The ordered feature names: `{timeframe}_{fuzzy_set}_{term}` and `{timeframe}_{indicator}_raw`, then lags."""
        names = [name for block in self.blocks for name in block.names]
        return lagged_names(names, self.model.features.lookback_periods)

    @property
    def warmup(self) -> int:
        """Base bars before the first one that has every feature of the base timeframe, lags and window included."""
        return self._warmup_of(self.base_timeframe, is_context=False) + self.model.lookback_bars

    @property
    def joined_lookback(self) -> dict[str, int]:
        """For each timeframe, the bars of warm-up of what is joined to the rows: slower bars and other symbols'."""
        slower = {timeframe for timeframe in self.timeframes_read if timeframe != self.base_timeframe}
        context = {key.timeframe for key in self.context}
        return {
            timeframe: max(
                self._warmup_of(timeframe, is_context=True),
                self._warmup_of(timeframe, is_context=False) if timeframe in slower else 0,
            )
            for timeframe in self.timeframes
            if timeframe in slower | context
        }

    @property
    def context(self) -> tuple[SeriesKey, ...]:
        """The series of other symbols that indicators are computed on, in the order of the inputs."""
        keys = (SeriesKey(block.data_source, block.timeframe) for block in self.blocks if block.data_source)
        return tuple(dict.fromkeys(keys))

    def indicators_on(self, timeframe: str, data_source: str | None) -> dict[str, Indicator]:
        """Return what inputs need computed on bars of this length: of the symbol trained on, or of `data_source`."""
        used = {
            block.indicator
            for block in self.blocks
            if block.timeframe == timeframe and block.data_source == data_source
        }
        return {name: indicator for name, indicator in self.indicators.items() if name in used}

    def document(self) -> dict[str, Any]:
        """Return the strategy as plain JSON values; `load_strategy` of it gives an equal strategy."""
        return self.model_dump(mode="json", exclude_unset=True)

    @property
    def sha256(self) -> str:
        """Hash of what has an effect, defaults filled in: comments, spelling and free content aside."""
        full = self.model_dump(mode="json", exclude=_WITHOUT_EFFECT)
        full["features"] = self.features  # their order is part of what it says; that of keys is not
        return hashlib.sha256(json.dumps(full, sort_keys=True).encode()).hexdigest()

    def _block(self, item: AnyInput, timeframe: str) -> InputBlock:
        if isinstance(item, FuzzyInput):
            transform = self.fuzzy_sets[item.fuzzy_set]
            name, _, output = transform.indicator.partition(".")
            source = self.indicators[name].data_source
            return InputBlock.of_set(timeframe, source, (name, output), item.fuzzy_set, transform)
        name, _, output = item.raw_indicator.partition(".")
        source = self.indicators[name].data_source
        return InputBlock.of_raw(timeframe, source, (name, output), item.normalization)

    def _warmup_of(self, timeframe: str, *, is_context: bool) -> int:
        return max(self._warmups(timeframe, is_context), default=0)

    def _warmups(self, timeframe: str, is_context: bool) -> Iterator[int]:
        for block in self.blocks:
            if block.timeframe == timeframe and bool(block.data_source) == is_context:
                yield self.indicators[block.indicator].warmup
