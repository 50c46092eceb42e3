from __future__ import annotations

import pickle

import pytest

from ktrdr.data import MarketBars, SeriesKey
from ktrdr.data.closes import close_times
from ktrdr.errors import NoRows, NotEnoughBars
from ktrdr.strategy import load_strategy
from ktrdr.training import plan_training
from ktrdr.training.rows.preparation import generate_labels
from ktrdr.training.steps import unreported
from tests.ktrdr.labels.series import bars_of, random_bars
from tests.ktrdr.training.strategies import bundled_data, document, small_strategy

KEY = SeriesKey("SP500", "1d")


def _label(bars, n_lookback: int = 0, **labels):
    strategy = small_strategy(labels=labels) if labels else small_strategy()
    closes = {KEY: close_times(bars.index, KEY.timeframe)}
    market = MarketBars({KEY: bars}, {KEY: n_lookback}, closes, {}, KEY.timeframe)
    return generate_labels(strategy, market, unreported)


def test_labelling_tells_the_bars_it_really_needs():
    # 20 bars of volatility, the bar itself, 10 bars of holding
    with pytest.raises(NotEnoughBars, match="Labelling SP500 1d by triple_barrier needs 31 bars and got 30") as caught:
        _label(random_bars(30, seed=1))
    assert caught.value.path == "training.labels"
    assert "max_holding_period" in str(caught.value.suggestion)
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args


def test_bars_before_the_start_that_can_be_no_rows_add_to_the_need():
    with pytest.raises(NotEnoughBars, match="20 before the start counted, needs 31 bars and got 30"):
        _label(random_bars(50, seed=1), n_lookback=40)
    bars = random_bars(60, seed=1)
    assert len(_label(bars, n_lookback=40)["SP500"]) == 10


@pytest.mark.parametrize(
    "labels",
    [
        {"source": "zigzag", "threshold": 0.02},
        {"source": "triple_barrier", "vol_span": 10, "max_holding_period": 5},
        {"source": "context", "cusum_threshold": 0.02},
        {"source": "regime", "vol_lookback": 10, "atr_period": 5, "macro_atr_mult": 2.0},
    ],
)
def test_how_many_bars_the_indicators_need_changes_no_label(labels):
    bars = random_bars(400, seed=3)
    near = _label(bars.iloc[100:], n_lookback=100, **labels)["SP500"]
    far = _label(bars, n_lookback=200, **labels)["SP500"]
    assert far.equals(near)


def test_a_zigzag_without_a_swing_says_so_and_invents_no_number():
    with pytest.raises(NoRows, match=r"SP500 1d, labelled by zigzag, has no rows: no swing of 0.9 or more") as caught:
        _label(random_bars(200, seed=1), source="zigzag", threshold=0.9)
    assert caught.value.path == "training.labels"
    assert "threshold" in str(caught.value.suggestion)
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args
    only_before = bars_of([100.0, 200.0, *[200.0] * 20])
    with pytest.raises(NoRows, match="or more is confirmed after the start"):
        _label(only_before, n_lookback=5, source="zigzag", threshold=0.9)


def test_bars_that_never_move_are_not_said_to_be_too_few():
    with pytest.raises(NoRows, match="prices do not move"):
        _label(bars_of([100.0] * 200))


def test_a_range_that_is_all_warm_up_tells_the_bars_of_the_slowest_indicator():
    keys = document(labels={"source": "zigzag", "threshold": 0.001})
    keys["indicators"]["roc_10"]["period"] = 300
    keys["training_data"]["date_range"] = {"end": "1999-12-31"}
    with pytest.raises(NotEnoughBars, match="warm-up of SP500 needs 301 bars and got ") as caught:
        plan_training(load_strategy(keys), bundled_data())
    assert caught.value.path == "indicators"
