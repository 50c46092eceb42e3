"""What a client asks a stored model, and what it answers."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ktrdr.strategy import DateText, Symbol

MAX_SENT_BARS = 5_000
"""So many fit into a body of 1 MiB whatever their numbers look like."""

MAX_PREDICTIONS = 10_000
"""In one answer; of 30 fuzzy terms it is about 10 MB."""


_NUMBER = re.compile(r"\s*[-+]?[\d.]+\s*")


def _is_written(time: Any) -> Any:
    """Refuse numbers, as text too: pydantic would count seconds, or milliseconds, since 1970."""
    if not isinstance(time, str) or _NUMBER.fullmatch(time):
        raise ValueError("write a time as text: 2020-01-31 or 2020-01-31T14:30:00Z")
    return time


def _in_utc(time: dt.datetime) -> dt.datetime:
    try:
        return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("in UTC this time is outside the years 1 to 9999") from None


Number = Annotated[float, Field(allow_inf_nan=False)]


class SentBar(BaseModel):
    """A bar, stamped by its open, which is kept in UTC; a time without an offset is UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    time: Annotated[dt.datetime, BeforeValidator(_is_written, json_schema_input_type=str), AfterValidator(_in_utc)]
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number


class PredictionRequest(BaseModel):
    """Body of `POST /models/{strategy}/{name}/predict`: stored bars by symbol and dates, or bars that are sent.

    Nothing given: the newest bar of each symbol that the model was trained on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: Symbol | None = Field(default=None, description="Absent: every symbol that the model was trained on")
    start_date: DateText | None = Field(default=None, description="Absent: the newest bar alone, or the `last` ones")
    end_date: DateText | None = Field(default=None, description="Inclusive; absent: as far as the bars go")
    last: Annotated[int, Field(ge=1, le=MAX_PREDICTIONS)] | None = Field(
        default=None, description="Of each symbol only the newest so many rows"
    )
    bars: Annotated[list[SentBar], Field(min_length=1, max_length=MAX_SENT_BARS)] | None = Field(
        default=None, description="Of the model's base timeframe, in order, with those of the warm-up before them"
    )

    @model_validator(mode="after")
    def _asks_for_dates_or_sends_bars(self) -> PredictionRequest:
        if self.bars is not None and (self.start_date or self.end_date):
            raise ValueError("give either bars or dates: all bars that are sent are answered, or the `last` of them")
        if self.start_date and self.end_date and self.start_date > self.end_date:
            raise ValueError(f"start_date {self.start_date} is after end_date {self.end_date}")
        return self


class PredictedRow(BaseModel):
    """What the model says of one bar, known at that bar's close."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    symbol: str
    time: dt.datetime
    """The bar's open."""
    class_: str = Field(alias="class")
    """As the evaluation counts: the most probable, or what the cost model makes of the forecast."""
    decision: str
    """The class, or the labeler's neutral one where its probability misses the strategy's `confidence_threshold`."""
    probabilities: dict[str, float] | None = None
    """By class; absent where returns are forecast."""
    forecast: float | None = None
    """The simple return; absent where classes are."""
    memberships: dict[str, float]
    """The fuzzy terms that fired on the bar, with their degrees in (0, 1]."""


class PredictionAnswer(BaseModel):
    """Answer of `POST /models/{strategy}/{name}/predict`: symbol after symbol, in time order within a symbol."""

    model_id: str
    classes: list[str]
    left_out: int
    """Bars of the range without all that the network reads: in the warm-up, or an input has no value."""
    items: list[PredictedRow]
