"""`nn_inputs`: what the network sees, in the order of the features."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from ktrdr.data.bars import Timeframe
from ktrdr.declaration import Declaration, conflict, refused
from ktrdr.features import Normalization
from ktrdr.strategy.training_data import TimeframeText, first_repeated

AllTimeframes = Annotated[Literal["all"], Tag("all")]
ListedTimeframes = Annotated[tuple[TimeframeText, ...], Field(strict=False, min_length=1), Tag("listed")]


def _is_listed(timeframes: Any) -> Any:
    if isinstance(timeframes, str) and timeframes in list(Timeframe):
        raise refused(f"one timeframe is a list as well, got '{timeframes}'", f"Write [{timeframes}].")
    return timeframes


class _Input(Declaration):
    timeframes: Annotated[
        AllTimeframes | ListedTimeframes,
        Discriminator(lambda value: "all" if isinstance(value, str) else "listed"),
        BeforeValidator(_is_listed),
    ] = "all"

    @model_validator(mode="after")
    def _timeframes_are_distinct(self) -> _Input:
        repeated = None if self.timeframes == "all" else first_repeated(self.timeframes)
        if repeated is not None:
            raise conflict(f"the timeframe '{repeated}' is listed twice", "timeframes", at="timeframes")
        return self

    def is_on(self, timeframe: str) -> bool:
        """Return whether the network sees it on bars of this length."""
        return self.timeframes == "all" or timeframe in self.timeframes


class FuzzyInput(_Input):
    """The memberships of one fuzzy set, as features."""

    fuzzy_set: str


class RawInput(_Input):
    """One output of an indicator itself, as a feature."""

    raw_indicator: str
    normalization: Normalization = Field(default="none", description="fitted on the training rows")


_NAMES = ("fuzzy_set", "raw_indicator")


def _is_one_kind(config: Any) -> Any:
    if not isinstance(config, dict):
        return config
    if all(name in config for name in _NAMES):
        raise refused("an input is a fuzzy_set or a raw_indicator, not both", "Make two inputs of it.", _NAMES[1])
    if "fuzzy_set" in config and "normalization" in config:
        advice = "Remove it, or use raw_indicator."
        raise refused("normalization has no effect on a fuzzy set", advice, "normalization")
    is_misspelled = any(difflib.get_close_matches(name, [str(key) for key in config], n=1) for name in _NAMES)
    if not any(name in config for name in _NAMES) and not is_misspelled:
        raise refused("an input names a fuzzy_set or a raw_indicator", "Add one of the two.")
    return config


def _kind(value: Any) -> str:
    named = value if isinstance(value, dict) else value.__dict__ if isinstance(value, Declaration) else {}
    is_raw = "raw_indicator" in named or difflib.get_close_matches("raw_indicator", map(str, named), n=1)
    return "raw" if is_raw else "fuzzy"


AnyInput = Annotated[
    Annotated[FuzzyInput, Tag("fuzzy")] | Annotated[RawInput, Tag("raw")],
    Discriminator(_kind),
    BeforeValidator(_is_one_kind),
]
"""Every kind of input there is."""
