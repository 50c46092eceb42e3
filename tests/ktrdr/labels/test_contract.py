"""What every labeler promises."""

import pickle

import numpy as np
import pandas as pd
import pytest

from ktrdr.errors import BadBars, StrategyError
from ktrdr.labels import Labeler, Signal, build
from tests.ktrdr.labels.series import bars_of, random_bars

CONFIGS = [
    {"source": "zigzag", "threshold": 0.03},
    {"source": "zigzag", "threshold": 0.05},
    {"source": "triple_barrier", "max_holding_period": 8, "vol_span": 5},
    {"source": "triple_barrier", "max_holding_period": 5, "vol_span": 6, "vol_method": "close", "expiry_band": 0},
    {"source": "triple_barrier", "max_holding_period": 1, "vol_span": 1, "pt_multiplier": 0.1},
]
every_labeler = pytest.mark.parametrize("labeler", [build(c) for c in CONFIGS], ids=str)


@every_labeler
def test_known_at_is_a_later_bar(labeler: Labeler) -> None:
    bars = random_bars(120, seed=1)
    labelled = labeler.label(bars)
    assert len(labelled) > 20
    assert (labelled["known_at"] > labelled.index).all()
    assert labelled["known_at"].isin(bars.index).all()


@every_labeler
@pytest.mark.parametrize("seed", [2, 3])
def test_bars_after_known_at_never_change_a_row(labeler: Labeler, seed: int) -> None:
    bars = random_bars(90, seed)
    labelled = labeler.label(bars)
    others = random_bars(90, seed + 100)
    for end in range(1, len(bars)):
        last = bars.index[end - 1]
        known = labelled[labelled["known_at"] <= last]
        altered = pd.concat([bars.iloc[:end], others.iloc[end:]])
        pd.testing.assert_frame_equal(labeler.label(altered).loc[known.index], known)
        # a row may ask for more bars than its label does, but what a shorter series says is the same
        shorter = labeler.label(bars.iloc[:end])
        pd.testing.assert_frame_equal(shorter, labelled.loc[shorter.index])
        assert (shorter["known_at"] <= last).all()


@every_labeler
def test_bars_without_a_future_are_not_labelled(labeler: Labeler) -> None:
    bars = random_bars(120, seed=4)
    labelled = labeler.label(bars)
    assert labelled.index.isin(bars.index).all()
    assert labelled.index.is_monotonic_increasing
    assert labelled.index.is_unique
    assert labelled.index[-1] < bars.index[-1]
    assert not labelled.isna().to_numpy().any()


@every_labeler
def test_no_bar_within_the_lookback_is_labelled(labeler: Labeler) -> None:
    bars = random_bars(120, seed=5)
    assert labeler.label(bars).index[0] >= bars.index[labeler.lookback]


@every_labeler
def test_the_fewest_bars_that_can_have_a_label_are_those_declared(labeler: Labeler) -> None:
    fewest = labeler.lookback + 1 + labeler.horizon
    swinging = bars_of(([100.0, 200.0] * fewest)[:fewest])
    assert len(labeler.label(swinging)) == 1
    assert labeler.label(swinging.iloc[:-1]).empty


@every_labeler
def test_every_labeler_says_why_there_may_be_no_label_and_what_to_change(labeler: Labeler) -> None:
    assert labeler.why_none
    assert any(name in labeler.advice for name in type(labeler).model_fields)


@every_labeler
def test_labels_are_codes_of_the_classes(labeler: Labeler) -> None:
    labelled = labeler.label(random_bars(120, seed=6))
    assert labelled["label"].dtype == np.int64
    assert set(labelled["label"]) <= set(range(len(labeler.class_names)))
    assert labeler.class_names == ("BUY", "HOLD", "SELL")
    assert [Signal[name] for name in labeler.class_names] == [0, 1, 2]


@every_labeler
@pytest.mark.parametrize("n_bars", [0, 1, 2, 5])
def test_too_few_bars_give_an_empty_frame_of_the_same_types(labeler: Labeler, n_bars: int) -> None:
    full, few = random_bars(120, seed=7), bars_of([100.0] * n_bars)
    labelled = labeler.label(few)
    assert labelled.empty
    assert labelled.dtypes.to_dict() == labeler.label(full).dtypes.to_dict()
    assert list(labelled.columns) == ["label", "known_at"]
    assert labelled.index.dtype == full.index.dtype


@every_labeler
def test_a_market_that_never_moves_has_no_labels(labeler: Labeler) -> None:
    assert labeler.label(bars_of([100.0] * 60)).empty


@every_labeler
def test_bars_are_not_changed(labeler: Labeler) -> None:
    bars = random_bars(60, seed=8)
    before = bars.copy(deep=True)
    labeler.label(bars)
    pd.testing.assert_frame_equal(bars, before)


@every_labeler
def test_labelers_survive_pickle_and_json(labeler: Labeler) -> None:
    bars = random_bars(60, seed=9)
    for other in (pickle.loads(pickle.dumps(labeler)), build(labeler.model_dump(mode="json"))):
        assert other == labeler
        pd.testing.assert_frame_equal(other.label(bars), labeler.label(bars))


@every_labeler
@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
@pytest.mark.parametrize("price", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_bar_without_prices_is_named(labeler: Labeler, column: str, price: float) -> None:
    bars = random_bars(60, seed=10)
    bars.loc[bars.index[30], column] = price
    with pytest.raises(BadBars, match=r"bar 2020-01-31 00:00:00\+00:00 has a price that is missing"):
        labeler.label(bars)


@every_labeler
def test_a_missing_column_is_named(labeler: Labeler) -> None:
    with pytest.raises(BadBars, match="have no column close"):
        labeler.label(random_bars(60, seed=11).drop(columns="close"))


@every_labeler
def test_every_labeler_cites_a_source(labeler: Labeler) -> None:
    assert "Source:" in (type(labeler).__doc__ or "")


@pytest.mark.parametrize(
    ("config", "path", "message"),
    [
        ({"source": "zigzag", "threshold": 0}, "threshold", "greater than 0"),
        ({"source": "zigzag", "threshold": "0.02"}, "threshold", "expected a number"),
        ({"source": "zigzag", "threshold": float("inf")}, "threshold", "finite"),
        ({"source": "zigzag", "treshold": 0.02}, "treshold", "unknown key 'treshold'"),
        ({"source": "triple_barrier", "pt_multiplier": -1}, "pt_multiplier", "greater than 0"),
        ({"source": "triple_barrier", "sl_multiplier": 0.0}, "sl_multiplier", "greater than 0"),
        ({"source": "triple_barrier", "max_holding_period": 0}, "max_holding_period", "at least 1"),
        ({"source": "triple_barrier", "max_holding_period": 2.0}, "max_holding_period", "whole number"),
        ({"source": "triple_barrier", "vol_span": True}, "vol_span", "whole number"),
        ({"source": "triple_barrier", "expiry_band": -0.1}, "expiry_band", "at least 0"),
        ({"source": "triple_barrier", "vol_method": "std"}, "vol_method", "unknown value 'std'"),
        ({"source": "triple_barrier", "vol_method": "close", "vol_span": 1}, "", "at least 2"),
        ({"threshold": 0.02}, "source", "missing key 'source'"),
    ],
)
def test_wrong_configs_are_refused_with_their_path(config: object, path: str, message: str) -> None:
    with pytest.raises(StrategyError) as caught:
        build(config)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert message in problem.message


def test_unknown_sources_are_refused_with_the_nearest_spelling() -> None:
    with pytest.raises(StrategyError) as caught:
        build({"source": "tripple_barrier"})
    assert caught.value.problems[0].suggestion == "Did you mean 'triple_barrier'?"


def test_defaults_are_those_of_the_strategy_file() -> None:
    assert build({"source": "zigzag"}).model_dump() == {"source": "zigzag", "threshold": 0.02}
    assert build({"source": "triple_barrier"}).model_dump() == {
        "source": "triple_barrier",
        "pt_multiplier": 2.0,
        "sl_multiplier": 1.5,
        "max_holding_period": 50,
        "vol_span": 50,
        "vol_method": "atr",
        "expiry_band": 0.5,
    }
