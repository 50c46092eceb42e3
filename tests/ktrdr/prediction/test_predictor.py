from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ktrdr.data import Bars, DataManager, SeriesKey
from ktrdr.errors import BadBars, NoBars, NoRows, RequestError, UnknownSymbol
from ktrdr.prediction import Predictor, rows
from ktrdr.prediction.stretches import Stretch
from ktrdr.storage import LoadedModel, ModelStorage
from tests.fakes.artifacts import FITTED, RETURNS, TREND, trained_artifact
from tests.fakes.bars import MemorySource
from tests.fakes.markets import in_memory, walking_bars

N_BARS = 300
DAYS = walking_bars(N_BARS)
WARMUP = 33
"""Of MACD's histogram; RSI has fewer."""

TWO = {**TREND, "name": "two", "training_data": {
    "symbols": {"mode": "multi_symbol", "list": ["SP500", "NASDAQ"]},
    "timeframes": {"mode": "single", "timeframe": "1d"},
}}  # fmt: skip
CONTEXT = {**TREND, "name": "context", "indicators": {
    "rsi_14": {"type": "rsi", "period": 14}, "macd_12": {"type": "macd", "data_source": "GOLD"},
}}  # fmt: skip


def stored(folder, document=TREND, **changes) -> LoadedModel:
    storage = ModelStorage(folder)
    return storage.load(*storage.save_model(trained_artifact(document=document, **changes)).model_id.split("/"))


@pytest.fixture
def model(tmp_path) -> LoadedModel:
    return stored(tmp_path)


@pytest.fixture
def predictor(model) -> Predictor:
    return Predictor(model, in_memory(SP500=DAYS))


def _times(predictions) -> pd.DatetimeIndex:
    return predictions.index.get_level_values("time")


def test_without_dates_the_newest_bar_is_given(predictor):
    [(symbol, time)] = predictor.predict().index
    assert (symbol, time) == ("SP500", DAYS.index[-1])


def test_up_to_a_date_the_newest_bar_by_then_is_given(predictor):
    assert list(_times(predictor.predict(end_date="1990-05-01"))) == [pd.Timestamp("1990-05-01", tz="UTC")]


def test_only_the_last_rows_are_given_where_so_many_are_asked_for(predictor):
    assert list(_times(predictor.predict(last=3))) == list(DAYS.index[-3:])
    dates = {"start_date": "1990-05-01", "end_date": "1990-05-10"}
    assert list(_times(predictor.predict(**dates, last=2))) == list(DAYS.loc["1990-05-09":"1990-05-10"].index)
    assert len(predictor.predict(**dates, last=99)) == 10


def test_bars_in_the_warm_up_are_left_out_and_counted(predictor):
    predicted = predictor.predict(start_date="1980-01-01")
    assert list(_times(predicted)) == list(DAYS.index[WARMUP:])
    assert predicted.n_left_out == WARMUP


def test_probabilities_are_the_networks_and_memberships_those_of_the_sets(predictor, model):
    predicted = predictor.predict(start_date="1980-01-01")
    degrees = predicted.memberships[list(model.features)].to_numpy(dtype=np.float32)
    np.testing.assert_allclose(predicted.probabilities, model.probabilities(degrees), atol=1e-6)
    np.testing.assert_allclose(predicted.probabilities.sum(axis=1), 1)
    assert (predicted.codes == predicted.probabilities.argmax(axis=1)).all()


def test_forecasts_of_returns_are_decided_by_their_costs(tmp_path):
    predicted = Predictor(stored(tmp_path, RETURNS), in_memory(SP500=DAYS)).predict(start_date="1980-01-01")
    assert predicted.probabilities is None
    assert predicted.classes == ("BUY", "HOLD", "SELL")
    forecast = predicted.forecasts.astype(np.float64)
    assert (predicted.codes == np.select([forecast > 0.002, forecast < -0.002], [0, 2], 1)).all()


def test_every_symbol_of_the_training_is_given_in_its_order(tmp_path):
    data = in_memory(NASDAQ=walking_bars(N_BARS, 1), SP500=DAYS)
    model = stored(tmp_path, TWO)
    assert [symbol for symbol, _ in Predictor(model, data).predict().index] == ["SP500", "NASDAQ"]
    assert [symbol for symbol, _ in Predictor(model, data).predict(["NASDAQ"]).index] == ["NASDAQ"]


def test_a_symbol_that_was_not_trained_on_will_do_if_its_bars_are_there(model):
    predicted = Predictor(model, in_memory(GOLD=walking_bars(N_BARS, 2))).predict(["GOLD"])
    assert predicted.index[0][0] == "GOLD"


def test_the_stretch_before_the_training_is_left_out_where_the_bars_begin_with_it(tmp_path):
    config = {"strategy": trained_artifact().config["strategy"], "request": {"start_date": "1990-01-01"}}
    predicted = Predictor(stored(tmp_path, config=config), in_memory(SP500=DAYS)).predict(start_date="1900-01-01")
    assert len(predicted) == N_BARS - WARMUP


def test_the_stretch_since_the_training_is_left_out_where_the_bars_end_before_it(tmp_path):
    config = {"strategy": trained_artifact().config["strategy"], "request": {"start_date": "2001-01-01"}}
    predicted = Predictor(stored(tmp_path, config=config), in_memory(SP500=DAYS)).predict(start_date="1900-01-01")
    assert len(predicted) == N_BARS - WARMUP


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"start_date": "1990-13-01"}, RequestError, "1990-13-01"),
        ({"start_date": "1990-05-02", "end_date": "1990-05-01"}, RequestError, "after end_date"),
        ({"start_date": "2031-01-01"}, NoBars, "2031-01-01 to the last bar"),
        ({"start_date": "1990-01-01", "end_date": "1990-01-05"}, NoRows, "33 bars of warm-up"),
        ({"symbols": ["GOLD"]}, UnknownSymbol, "GOLD"),
        ({"start_date": "1980-01-01", "max_rows": 266}, RequestError, "267 rows; one answer has 266 at most"),
    ],
)
def test_what_cannot_be_answered_is_said(predictor, asked, error, says):
    with pytest.raises(error, match=says):
        predictor.predict(**asked)


def test_as_many_rows_as_are_allowed_are_given(predictor):
    assert len(predictor.predict(start_date="1980-01-01", max_rows=267)) == 267


def test_more_rows_than_fit_into_the_memory_of_an_answer_are_refused_with_how_many_do(predictor, monkeypatch):
    monkeypatch.setattr(rows, "MAX_INPUT_BYTES", 100 * 4 * 4)  # 4 features of 4 bytes
    assert len(predictor.predict(last=100)) == 100
    with pytest.raises(RequestError, match="reads of 101 rows takes") as refused:
        predictor.predict(last=101)
    assert "Ask for 100 rows at most" in refused.value.suggestion


def test_the_rows_of_one_symbol_are_in_memory_once(model, monkeypatch):
    made = []

    def keeping(*of):
        made.append(network_inputs(*of))
        return made[-1]

    network_inputs = rows.network_inputs
    monkeypatch.setattr(rows, "network_inputs", keeping)
    found = rows.read_rows(model, in_memory(SP500=DAYS), rows.Asked(("SP500",)), {"SP500": [Stretch()]})
    assert [found.X is one for one in made] == [True]


# -- bars that are sent


def test_the_stored_bars_sent_are_answered_as_the_stored_ones(predictor):
    sent, kept = predictor.predict_bars(DAYS), predictor.predict(start_date="1980-01-01")
    assert sent.index.equals(kept.index)
    assert sent.outputs.tobytes() == kept.outputs.tobytes()
    assert sent.n_left_out == WARMUP


def test_slower_bars_are_made_of_those_sent(tmp_path):
    model = stored(tmp_path, FITTED)
    sent = Predictor(model, DataManager(MemorySource({}))).predict_bars(DAYS, last=5)
    kept = Predictor(model, in_memory(SP500=DAYS)).predict(last=5)
    assert sent.outputs.tobytes() == kept.outputs.tobytes()
    assert [name for name in sent.memberships.columns if name.startswith("1w_")] == [
        "1w_fit_bear",
        "1w_fit_flat",
        "1w_fit_bull",
    ]


def test_whose_bars_were_sent_must_be_said_where_the_model_knows_several(tmp_path):
    predictor = Predictor(stored(tmp_path, TWO), DataManager(MemorySource({})))
    with pytest.raises(RequestError, match="SP500, NASDAQ"):
        predictor.predict_bars(DAYS)
    assert predictor.predict_bars(DAYS, "NASDAQ", last=1).index[0][0] == "NASDAQ"


def test_bars_sent_are_refused_where_the_model_reads_another_symbol(tmp_path):
    predictor = Predictor(stored(tmp_path, CONTEXT), in_memory(GOLD=DAYS))
    with pytest.raises(RequestError, match="also reads GOLD 1d") as refused:
        predictor.predict_bars(DAYS)
    assert "by symbol and dates" in refused.value.suggestion


def test_bars_sent_are_refused_where_the_model_reads_faster_ones(tmp_path):
    timeframes = {"mode": "multi_timeframe", "list": ["1d", "1h"], "base_timeframe": "1d"}
    document = {**TREND, "name": "faster", "training_data": {**TREND["training_data"], "timeframes": timeframes}}
    predictor = Predictor(stored(tmp_path, document), DataManager(MemorySource({})))
    with pytest.raises(RequestError, match="also reads SP500 1h"):
        predictor.predict_bars(DAYS)


def _broken(**changes) -> Bars:
    bars = DAYS.copy()
    for column, value in changes.items():
        bars.iloc[40, bars.columns.get_loc(column)] = value
    return bars


@pytest.mark.parametrize(
    ("bars", "says"),
    [
        (_broken(high=1.0), "bar 1990-02-10 .* has its high below its low"),
        (_broken(close=np.nan), "1990-02-10 .* not finite"),
        (_broken(volume=-1.0), "negative"),
        (DAYS.iloc[::-1], "does not come after the one before it"),
        (DAYS.tz_localize(None), "not indexed by UTC times"),
        (DAYS.iloc[:0], "there are none"),
    ],
)
def test_bars_sent_that_cannot_be_believed_are_refused(predictor, bars, says):
    with pytest.raises(BadBars, match=says):
        predictor.predict_bars(bars)


def test_too_few_bars_sent_for_the_warm_up_are_said(predictor):
    with pytest.raises(NoRows, match="33 bars of warm-up"):
        predictor.predict_bars(DAYS.iloc[:WARMUP])
    assert len(predictor.predict_bars(DAYS.iloc[: WARMUP + 1])) == 1


def test_what_is_recorded_of_weekend_trading_wins_over_what_the_sent_bars_show(tmp_path):
    """A symbol that trades on weekends: its weeks are known on Monday, whether or not the bars sent hold a Saturday."""
    model = stored(tmp_path, FITTED)
    no_saturdays = DAYS[DAYS.index.day_of_week < 5]
    recorded = Predictor(model, DataManager(MemorySource({SeriesKey("SP500", "1d"): DAYS})))
    unknown = Predictor(model, DataManager(MemorySource({})))
    friday = str(no_saturdays[no_saturdays.index.day_of_week == 4].index[-1].date())
    on_friday = no_saturdays.loc[:friday]
    known_on_monday, known_on_saturday = (one.predict_bars(on_friday, last=1) for one in (recorded, unknown))
    assert known_on_monday.outputs.tobytes() != known_on_saturday.outputs.tobytes()
