"""What a prediction says of a row is what the training's evaluation said of it, bit for bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from ktrdr.prediction import Predictions
from tests.ktrdr.prediction.trained import DOCUMENTS, TrainedModel, train_and_load
from tests.ktrdr.training.strategies import bundled_data


@pytest.fixture(scope="module", params=DOCUMENTS)
def trained(request, tmp_path_factory) -> TrainedModel:
    return train_and_load(request.param, bundled_data(), tmp_path_factory.mktemp("models"))


def _whole(trained: TrainedModel) -> Predictions:
    start, end = trained.dates
    return trained.predictor.predict(start_date=start or "1900-01-01", end_date=end)


def _rows(predictions: Predictions, index: pd.MultiIndex) -> np.ndarray:
    at = predictions.index.get_indexer(index)
    assert (at >= 0).all()
    return at


def _said(predictions: Predictions, at=slice(None)) -> tuple:
    known = None if predictions.probabilities is None else predictions.probabilities[at].tobytes()
    degrees = predictions.memberships.to_numpy()[at].tobytes()
    return predictions.outputs[at].tobytes(), predictions.codes[at].tolist(), known, degrees


def test_the_outputs_of_the_held_out_rows_are_those_that_were_evaluated(trained):
    predicted = _whole(trained)
    at = _rows(predicted, trained.part.index)
    assert predicted.outputs[at].tobytes() == trained.outputs.tobytes()


def test_the_classes_of_the_held_out_rows_count_as_the_metrics_say(trained):
    predicted = _whole(trained)
    codes, metrics = predicted.codes[_rows(predicted, trained.part.index)], trained.result["test_metrics"]
    y = trained.part.y
    if predicted.forecasts is not None:
        y = trained.model.trained_from.decisions.cost_model.decide(y)
    counted = confusion_matrix(y, codes, labels=range(len(predicted.classes)))
    assert counted.tolist() == metrics["confusion_matrix"]
    assert (codes == y).mean() == pytest.approx(metrics["accuracy"], abs=1e-12)


def test_where_the_probability_misses_the_threshold_the_decision_is_neutral_and_as_often_as_the_metrics_say(trained):
    predicted = _whole(trained)
    at = _rows(predicted, trained.part.index)
    if predicted.probabilities is None:
        assert (predicted.decided == predicted.codes).all()
        return
    confidence = trained.result["test_metrics"]["confidence"]
    is_sure = predicted.probabilities[at].max(axis=1) >= confidence["threshold"]
    assert is_sure.mean() == pytest.approx(confidence["coverage"], abs=1e-12)
    neutral = int(trained.model.trained_from.training.labels.neutral)
    assert (predicted.decided[at] == np.where(is_sure, predicted.codes[at], neutral)).all()


def test_every_bar_with_features_has_a_row_the_newest_too_and_the_others_are_counted(trained):
    predicted = _whole(trained)
    account = trained.result["data_summary"]
    assert len(predicted) == account["rows_loaded"] - account["rows_warmup"]
    assert predicted.n_left_out == account["rows_warmup"]


def test_a_row_asked_for_alone_is_the_row_among_all(trained):
    """Day by day: other bars before and after it are asked for, other rows are computed with it."""
    predicted = _whole(trained)
    symbols = list(dict.fromkeys(predicted.index.get_level_values("symbol")))
    times = predicted.index.get_level_values("time").unique().sort_values()
    for time in times[[0, 1, len(times) // 2, -2, -1]]:
        day = str(time.date())
        alone = trained.predictor.predict(start_date=day, end_date=day)
        expected = [(symbol, time) for symbol in symbols if (symbol, time) in predicted.index]
        assert list(alone.index) == expected
        assert _said(alone) == _said(predicted, _rows(predicted, alone.index))


def test_one_symbol_alone_is_that_symbol_among_all(trained):
    predicted = _whole(trained)
    start, end = trained.dates
    symbol = predicted.index[-1][0]
    alone = trained.predictor.predict([symbol], start or "1900-01-01", end)
    assert set(alone.index.get_level_values("symbol")) == {symbol}
    assert _said(alone) == _said(predicted, predicted.index.get_level_values("symbol") == symbol)


def test_bars_that_come_later_change_nothing(trained):
    predicted = _whole(trained)
    start, end = trained.dates
    later = str((pd.Timestamp(end) + pd.DateOffset(years=1)).date())
    longer = trained.predictor.predict(start_date=start or "1900-01-01", end_date=later)
    assert len(longer) > len(predicted)
    assert _said(longer, _rows(longer, predicted.index)) == _said(predicted)


def test_dates_before_the_training_change_nothing_of_its_own(trained):
    predicted, (start, end) = _whole(trained), trained.dates
    wider = trained.predictor.predict(start_date="1900-01-01", end_date=end)
    assert _said(wider, _rows(wider, predicted.index)) == _said(predicted)
    assert wider.index.is_unique
    if start is not None:
        assert len(wider) > len(predicted)
        for _, times in wider.index.to_frame(index=False).groupby("symbol"):
            assert times["time"].is_monotonic_increasing
