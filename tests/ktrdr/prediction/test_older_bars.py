"""Bars that are imported after a training, before those that it read, change nothing of its predictions."""

from __future__ import annotations

import pandas as pd
import pytest

from ktrdr.data import Bars, BarStore, DataManager, SeriesKey
from ktrdr.errors import DamagedModel
from ktrdr.prediction import Predictions, Predictor
from tests.fakes.artifacts import TREND
from tests.fakes.bars import MemorySource
from tests.fakes.markets import in_memory, walking_bars
from tests.ktrdr.prediction.test_predictor import CONTEXT, TWO, stored
from tests.ktrdr.prediction.trained import DOCUMENTS, train_and_load
from tests.ktrdr.training.strategies import BUNDLED

KEYS = SeriesKey("NASDAQ", "1d"), SeriesKey("SP500", "1d")
FIRST_STORED = {"from_the_first_bar": ("1999-09-01", "1999-09-01")}
"""When the training is made; else both lie in the warm-up before its start, 2009-01-01."""
IN_WARM_UP = ("2008-12-17", "2008-12-10")


def _whole() -> dict[SeriesKey, Bars]:
    store = BarStore([BUNDLED])
    return {key: store.read(key) for key in KEYS}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_older_bars_that_come_after_the_training_change_nothing_bit_for_bit(case, tmp_path):
    whole, first_stored = _whole(), FIRST_STORED.get(case, IN_WARM_UP)
    source = MemorySource({key: whole[key].loc[first:] for key, first in zip(KEYS, first_stored, strict=True)})
    trained = train_and_load(case, DataManager(source), tmp_path)
    start, end = trained.dates
    start = start or first_stored[0]
    before = trained.predictor.predict(start_date=start, end_date=end)
    evaluated = before.outputs[before.index.get_indexer(trained.part.index)]
    assert evaluated.tobytes() == trained.outputs.tobytes()
    source.series = whole
    assert _said(trained.predictor.predict(start_date=start, end_date=end)) == _said(before)
    wider = trained.predictor.predict(start_date="1900-01-01", end_date=end)
    assert len(wider) > len(before)
    at = wider.index.get_indexer(before.index)
    assert wider.outputs[at].tobytes() == before.outputs.tobytes()
    assert wider.index.is_unique


def _said(predictions: Predictions) -> tuple:
    return list(predictions.index), predictions.outputs.tobytes(), predictions.n_left_out


def test_the_first_bar_read_of_each_series_stands_in_the_models_metadata(tmp_path):
    trained = train_and_load("lstm", DataManager(MemorySource(_whole())), tmp_path)
    assert trained.result["metadata"]["first_bars"] == trained.model.metadata["first_bars"]
    assert set(trained.model.metadata["first_bars"]) == {"SP500 1d", "NASDAQ 1d"}
    first = pd.Timestamp(trained.model.metadata["first_bars"]["SP500 1d"])
    assert pd.Timestamp("2008-10-01", tz="UTC") < first < pd.Timestamp("2009-01-01", tz="UTC")


# -- several symbols, and another that they read


DAYS = walking_bars(300)
GOLD = walking_bars(300, 2)
TWO_AND_CONTEXT = {**TWO, "name": "two_and_context", "indicators": CONTEXT["indicators"]}


def _recorded(folder, document, **first_bars):
    metadata = {"first_bars": {f"{symbol} 1d": f"{day}T00:00:00+00:00" for symbol, day in first_bars.items()}}
    return stored(folder, document, metadata=metadata)


def test_a_trained_symbol_is_answered_where_another_of_the_training_has_no_bars(tmp_path):
    model = _recorded(tmp_path, TWO_AND_CONTEXT, SP500="1990-01-11", NASDAQ="1990-01-01", GOLD="1990-01-05")
    both = Predictor(model, in_memory(SP500=DAYS, NASDAQ=walking_bars(100, 1), GOLD=GOLD))
    asked = {"start_date": "1990-09-01", "end_date": "1990-09-05"}
    assert len(both.predict(["SP500"], **asked)) == 5
    assert _said(both.predict(**asked)) == _said(both.predict(["SP500"], **asked))
    ended = {"start_date": "1989-01-01", "end_date": "1990-03-01"}
    later = Predictor(model, in_memory(SP500=DAYS, NASDAQ=walking_bars(300, 1).iloc[200:], GOLD=GOLD))
    assert len(later.predict(["SP500"], **ended)) > 0
    alone = Predictor(model, in_memory(SP500=DAYS, GOLD=GOLD))
    assert _said(alone.predict(["SP500"], **asked)) == _said(both.predict(["SP500"], **asked))


def test_a_symbol_that_was_not_trained_on_changes_nothing_of_one_that_was(tmp_path):
    model = _recorded(tmp_path, TWO_AND_CONTEXT, SP500="1990-02-10", NASDAQ="1990-03-01", GOLD="1990-02-01")
    data = in_memory(SP500=DAYS, NASDAQ=walking_bars(300, 1), GOLD=GOLD, SILVER=walking_bars(300, 3))
    for symbol in ("SP500", "NASDAQ"):
        alone = Predictor(model, data).predict([symbol], "1900-01-01")
        beside = Predictor(model, data).predict([symbol, "SILVER"], "1900-01-01")
        at = beside.index.get_level_values("symbol") == symbol
        assert beside.index[at].equals(alone.index)
        assert beside.outputs[at].tobytes() == alone.outputs.tobytes()


def test_a_symbol_that_was_read_beside_those_trained_on_has_all_its_rows(tmp_path):
    model = _recorded(tmp_path, CONTEXT, SP500="1990-01-01", GOLD="1990-06-01")
    predicted = Predictor(model, in_memory(SP500=DAYS, GOLD=GOLD)).predict(["GOLD"], "1900-01-01")
    assert len(predicted) + predicted.n_left_out == len(GOLD)


@pytest.mark.parametrize("record", [{"SP500": "1990-01-01T00:00:00Z"}, {"SP500 1d": "yesterday"}, ["SP500 1d"]])
def test_a_record_of_first_bars_that_is_none_is_a_damaged_model(tmp_path, record):
    model = stored(tmp_path, TREND, metadata={"first_bars": record})
    with pytest.raises(DamagedModel, match=r"metadata\.json"):
        Predictor(model, in_memory(SP500=DAYS))
