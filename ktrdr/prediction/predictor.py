"""A stored model, asked what it says of bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from ktrdr.data import Bars, DataManager, SeriesKey
from ktrdr.errors import RequestError
from ktrdr.labels import Labeler
from ktrdr.prediction.predictions import Predictions
from ktrdr.prediction.rows import Asked, PredictionRows, read_rows
from ktrdr.prediction.sent import SentBars, refuse_other_series
from ktrdr.prediction.stretches import Stretch, TrainedOn
from ktrdr.storage.loaded import LoadedModel
from ktrdr.training.evaluation.answers import classes_of
from ktrdr.training.evaluation.confidence import is_covered, softmax
from ktrdr.training.learning.forward import outputs_of
from ktrdr.training.scope import date_range

CPU = torch.device("cpu")


class Predictor:
    """Applies a stored model, with the fuzzy sets and scalers that were fitted on its training rows.

    On rows that its training evaluated it gives what the evaluation gave, bit for bit, where both were computed on CPUs
    of one kind (`cpu_capability` in the model's metadata), from the same bars. Neither bars after a row nor bars before
    the first ones that the training read change what is said of it.

    Parameters
    ----------
    model
        As the store gives it.
    data
        Where bars come from.
    """

    def __init__(self, model: LoadedModel, data: DataManager) -> None:
        self._model, self._data = model, data
        self._trained_on = TrainedOn.of(model)
        self._symbols = self._trained_on.symbols

    def predict(
        self,
        symbols: Sequence[str] | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
        last: int | None = None,
        max_rows: int | None = None,
    ) -> Predictions:
        """Return what the model says of stored bars: of every bar that has all that the network reads.

        Bars before the dates are read for warm-up: of the training's dates and later ones from the first bar that the
        training read, of earlier ones from the first bar there is (see `TrainedOn.stretches`).

        Parameters
        ----------
        symbols
            None: those of the training. Others will do, if their bars are there.
        start_date, end_date
            ISO dates, inclusive, by a bar's open. Without a start only the newest row of each symbol is given, or the
            `last` ones of the training's dates and later.
        last
            Of each symbol only the newest so many rows.
        max_rows
            Refuse more.

        Raises
        ------
        RequestError
            If a date is none, the dates run backwards, or there are more rows than `max_rows`.
        UnknownSymbol, NoBars, NoRows
            If a series is not stored, or the dates have no bars, or none with all that the network reads.
        """
        if last is None and start_date is None:
            last = 1
        asked = Asked(tuple(symbols or self._symbols), *date_range(start_date, end_date), last, max_rows)
        dates = asked.start_date, asked.end_date
        stretches = {symbol: self._trained_on.stretches(symbol, *dates) for symbol in asked.symbols}
        return self._predictions(read_rows(self._model, self._data, asked, stretches))

    def predict_bars(
        self, bars: Bars, symbol: str | None = None, last: int | None = None, max_rows: int | None = None
    ) -> Predictions:
        """Return what the model says of bars that are not stored: of each that has all that the network reads.

        Nothing before them is read: bars for warm-up are sent with them. Slower series are made of them.

        Parameters
        ----------
        bars
            Of the model's base timeframe.
        symbol
            Whose they are; may be left out where the model was trained on one.
        last, max_rows
            As in `predict`.

        Raises
        ------
        RequestError
            If the symbol is left out and there are several, the model reads series that cannot be made of the bars, or
            there are more rows than `max_rows`.
        BadBars
            Naming the first bar that breaks the conventions.
        NoRows
            If no bar has all that the network reads.
        """
        strategy = self._model.trained_from
        key = SeriesKey(self._symbol(symbol), strategy.base_timeframe)
        refuse_other_series(strategy, key, self._model.model_id)
        source = DataManager(SentBars(key, bars, self._trades_weekends(key.symbol)))
        asked = Asked((key.symbol,), last=last, max_rows=max_rows)
        return self._predictions(read_rows(self._model, source, asked, {key.symbol: [Stretch()]}))

    def _symbol(self, symbol: str | None) -> str:
        if symbol is None and len(self._symbols) > 1:
            raise RequestError(
                "symbol",
                f"{self._model.model_id} was trained on {', '.join(self._symbols)}.",
                "Say whose bars these are.",
            )
        return symbol or self._symbols[0]

    def _trades_weekends(self, symbol: str) -> bool | None:
        """Return what is recorded of the symbol's stored bars; None where there are none, and the sent ones tell."""
        recorded = [info.trades_weekends for info in self._data.catalog() if info.symbol == symbol]
        return any(recorded) if recorded else None

    def _predictions(self, rows: PredictionRows) -> Predictions:
        model = self._model
        decisions = model.trained_from.decisions
        labeler: Labeler = model.trained_from.training.labels
        outputs_NC = outputs_of(model.network, rows.X, CPU, model.metadata.get("torch_threads"))
        codes = decided = classes_of(outputs_NC, labeler, decisions)
        probabilities_NC = None if labeler.is_regression else softmax(outputs_NC)
        if probabilities_NC is not None:
            is_sure = is_covered(decisions.confidence_threshold, probabilities_NC)
            decided = np.where(is_sure, codes, int(labeler.neutral))
        return Predictions(
            model_id=model.model_id,
            classes=model.classes,
            index=rows.index,
            outputs=outputs_NC,
            probabilities=probabilities_NC,
            codes=codes,
            decided=decided,
            memberships=self._memberships(rows),
            n_left_out=rows.n_left_out,
        )

    def _memberships(self, rows: PredictionRows) -> pd.DataFrame:
        blocks = self._model.inputs.blocks
        of_sets = [name for block in blocks if block.fuzzy_set is not None for name in block.names]
        return pd.DataFrame(rows.features, index=rows.index, columns=list(self._model.inputs.names))[of_sets]
