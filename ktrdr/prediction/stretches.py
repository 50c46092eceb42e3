"""Which bars are read for dates that are asked for: those of the training's dates as the training read them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import pandas as pd
from pydantic import AwareDatetime, StringConstraints, TypeAdapter, ValidationError

from ktrdr.data import SeriesKey
from ktrdr.errors import DamagedModel
from ktrdr.storage.loaded import LoadedModel

FirstBars = Mapping[SeriesKey, pd.Timestamp]

_RECORD: TypeAdapter[dict[str, dt.datetime] | None] = TypeAdapter(
    dict[Annotated[str, StringConstraints(pattern=r"^\S+ \S+$")], AwareDatetime] | None
)


@dataclass(frozen=True)
class Stretch:
    """Dates that are asked for, and from where their bars are read."""

    read_from: str | None = None
    """The date from which they are read, and before it for warm-up; None: from the first bar there is."""
    start_date: str | None = None
    end_date: str | None = None
    first_bars: FirstBars = field(default_factory=dict)
    """Series that are read from this bar on instead."""


@dataclass(frozen=True)
class TrainedOn:
    """What a model was trained on, as far as it decides what a prediction reads."""

    symbols: tuple[str, ...]
    base_timeframe: str
    start_date: str | None
    """Of the training; None where it began with the first bar."""
    first_bars: FirstBars
    """What it read first of each series; empty in models of versions that did not record it."""

    @classmethod
    def of(cls, model: LoadedModel) -> TrainedOn:
        """Return what the model's files say.

        Raises
        ------
        DamagedModel
            If the record of the first bars is none.
        """
        request = model.config.get("request") or {}
        try:
            record = _RECORD.validate_python(model.metadata.get("first_bars")) or {}
        except ValidationError as error:
            reason = "has a record of the first bars that cannot be read"
            raise DamagedModel(model.model_id, "metadata.json", reason) from error
        return cls(
            tuple(request.get("symbols") or model.trained_from.symbols),
            model.trained_from.base_timeframe,
            request.get("start_date"),
            {SeriesKey(*series.split(" ")): pd.Timestamp(first).tz_convert("UTC") for series, first in record.items()},
        )

    def stretches(self, symbol: str, start: str | None, end: str | None) -> tuple[Stretch, ...]:
        """Return the dates from `start` to `end`, cut where the symbol's training began.

        A recursive indicator (an EMA, an RSI) depends on where its series begins. So rows of the training's dates and
        later are computed from the first bars that the training read, and rows before them from the first bar there
        is: what a model says of a bar depends neither on which other bars are asked for nor on older ones that are
        imported after the training.
        """
        began = self._began(symbol)
        if began is None or (end is not None and end < began):
            return (Stretch(None, start, end),)
        since = Stretch(began, start, end, self._first_bars_for(symbol))
        if start is None or start >= began:
            return (since,)
        day_before = (dt.date.fromisoformat(began) - dt.timedelta(days=1)).isoformat()
        return (Stretch(None, start, day_before), since)

    def _began(self, symbol: str) -> str | None:
        """Return the date of the first row there can be of the training; of a symbol not trained on, of any."""
        first_days = [
            first.date().isoformat()
            for key, first in self.first_bars.items()
            if key.timeframe == self.base_timeframe and key.symbol in self._symbols_for(symbol)
        ]
        return max(filter(None, [self.start_date, min(first_days, default=None)]), default=None)

    def _first_bars_for(self, symbol: str) -> FirstBars:
        if symbol in self.symbols:
            return self.first_bars
        # where it is read beside those trained on it begins somewhere; that is not where its own rows begin
        return {key: first for key, first in self.first_bars.items() if key.symbol != symbol}

    def _symbols_for(self, symbol: str) -> Sequence[str]:
        return (symbol,) if symbol in self.symbols else self.symbols
