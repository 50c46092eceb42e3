"""What the Serve deployment `Prediction` does: stored models, kept in memory, asked what they say of bars."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pandas as pd

from ktrdr.data import COLUMNS, Bars, BarSource, DataManager
from ktrdr.prediction import Predictions, Predictor
from ktrdr.storage import LoadedModel, ModelStorage
from ktrdr.wire.predictions import MAX_PREDICTIONS, PredictedRow, PredictionAnswer, PredictionRequest, SentBar

N_KEPT = 4
"""Models in memory; a service that is asked about more of them reads one again now and then."""


class Prediction:
    """Answers for one model at a time. Undecorated; see `serve.predicting`.

    Parameters
    ----------
    storage
        The models there are, read directly and verified. One that is deleted or changed is read no more from memory.
    bars
        Where stored bars come from.
    """

    def __init__(self, storage: ModelStorage, bars: BarSource) -> None:
        self._storage, self._data = storage, DataManager(bars)
        self._kept: OrderedDict[str, tuple[str, LoadedModel]] = OrderedDict()

    def predict(self, strategy: str, name: str, asked: PredictionRequest) -> bytes:
        """Return a `PredictionAnswer` as JSON, so that nobody on its way to the client has to take it apart.

        Raises
        ------
        UnknownModel, DamagedModel, StorageError
            As `ModelStorage.load`.
        RequestError, DataError
            As `Predictor`.
        """
        predictor = Predictor(self._model(strategy, name), self._data)
        if asked.bars is not None:
            predicted = predictor.predict_bars(bars_of(asked.bars), asked.symbol, asked.last, MAX_PREDICTIONS)
        else:
            symbols = None if asked.symbol is None else [asked.symbol]
            predicted = predictor.predict(symbols, asked.start_date, asked.end_date, asked.last, MAX_PREDICTIONS)
        return answer_of(predicted).model_dump_json(exclude_none=True).encode()

    def _model(self, strategy: str, name: str) -> LoadedModel:
        model_id, fingerprint = self._storage.fingerprint(strategy, name)
        kept, model = self._kept.get(model_id, ("", None))
        if model is None or kept != fingerprint:
            self._kept.pop(model_id, None)
            model = self._storage.load(*model_id.split("/"))
            self._kept[model_id] = fingerprint, model
            if len(self._kept) > N_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(model_id)
        return model


def bars_of(sent: list[SentBar]) -> Bars:
    """Return the bars in the order in which they were sent."""
    times = pd.to_datetime([bar.time for bar in sent], utc=True).as_unit("us").rename("time")
    return pd.DataFrame({name: [getattr(bar, name) for bar in sent] for name in COLUMNS}, index=times)


def answer_of(predicted: Predictions) -> PredictionAnswer:
    """Return predictions as the service answers them."""
    classes, names = list(predicted.classes), list(predicted.memberships.columns)
    probabilities = [None] * len(predicted) if predicted.probabilities is None else predicted.probabilities.tolist()
    forecasts = [None] * len(predicted) if predicted.forecasts is None else predicted.forecasts.tolist()
    columns: Any = zip(
        predicted.index,
        predicted.codes,
        predicted.decided,
        probabilities,
        forecasts,
        predicted.memberships.to_numpy().tolist(),
        strict=True,
    )
    items = [
        PredictedRow(
            symbol=symbol,
            time=time,
            class_=classes[code],
            decision=classes[decided],
            probabilities=None if shares is None else dict(zip(classes, shares, strict=True)),
            forecast=forecast,
            memberships={name: degree for name, degree in zip(names, degrees, strict=True) if degree > 0},
        )
        for (symbol, time), code, decided, shares, forecast, degrees in columns
    ]
    return PredictionAnswer(model_id=predicted.model_id, classes=classes, left_out=predicted.n_left_out, items=items)
