"""`nn_inputs`: what the network sees, in the order of the features."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from ktrdr.declaration import Declaration, conflict
from ktrdr.features import Normalization
from ktrdr.strategy.training_data import TimeframeText

AllTimeframes = Annotated[Literal["all"], Tag("all")]
ListedTimeframes = Annotated[tuple[TimeframeText, ...], Field(strict=False, min_length=1), Tag("listed")]


class _Input(Declaration):
    timeframes: Annotated[
        AllTimeframes | ListedTimeframes,
        Discriminator(lambda value: "all" if isinstance(value, str) else "listed"),
    ] = "all"

    @model_validator(mode="after")
    def _timeframes_are_distinct(self) -> _Input:
        if len(set(self.timeframes)) != len(self.timeframes) and self.timeframes != "all":
            raise conflict("a timeframe is listed twice", "timeframes")
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


def _kind(value: Any) -> str:
    named = value if isinstance(value, dict) else value.__dict__ if isinstance(value, Declaration) else {}
    return "raw" if "raw_indicator" in named and "fuzzy_set" not in named else "fuzzy"


AnyInput = Annotated[Annotated[FuzzyInput, Tag("fuzzy")] | Annotated[RawInput, Tag("raw")], Discriminator(_kind)]
"""Every kind of input there is."""
