"""`training_data`: which bars."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ktrdr.data.bars import Symbol, Timeframe
from ktrdr.declaration import Declaration, LeftOut, conflict
from ktrdr.strategy.dates import DateText

TimeframeText = Annotated[Timeframe, Field(strict=False)]


def first_repeated(names: tuple[str, ...]) -> str | None:
    """Return the first name that is there more than once, None where each is there once."""
    return next((name for name in names if names.count(name) > 1), None)


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
        repeated = first_repeated(self.list)
        if repeated is not None:
            raise conflict(f"the symbol '{repeated}' is listed twice", "list", at="list")
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

    @property
    def base(self) -> str:
        """The timeframe whose bars are the rows."""
        return self.timeframe.value


class MultiTimeframe(Declaration):
    """Read bars of several lengths; a bar reaches the rows of the base timeframe once it has closed."""

    mode: Literal["multi_timeframe"]
    list: Annotated[tuple[TimeframeText, ...], Field(strict=False, min_length=1)]
    base_timeframe: LeftOut[TimeframeText] = Field(default=None, description="whose bars are the rows; the fastest")

    @model_validator(mode="after")
    def _are_distinct_and_hold_the_base(self) -> MultiTimeframe:
        repeated = first_repeated(self.list)
        if repeated is not None:
            raise conflict(f"the timeframe '{repeated}' is listed twice", "list", at="list")
        if self.base_timeframe is not None and self.base_timeframe not in self.list:
            raise conflict(
                f"base_timeframe {self.base_timeframe} is not in the list",
                "list",
                "base_timeframe",
                at="base_timeframe",
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The timeframes, in order."""
        return tuple(timeframe.value for timeframe in self.list)

    @property
    def base(self) -> str:
        """The timeframe whose bars are the rows."""
        return (self.base_timeframe or fastest(self.list)).value


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
    timeframes: Annotated[SingleTimeframe | MultiTimeframe, Field(discriminator="mode")]
    date_range: DateRange = DateRange()
    history_required: int = Field(default=0, ge=0, description="base bars of warm-up demanded before start")


def fastest(timeframes: tuple[Timeframe, ...]) -> Timeframe:
    """Return the one of the shortest bars."""
    return min(timeframes, key=list(Timeframe).index)
