"""What every labeler promises."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest

from ktrdr.errors import BadBars, StrategyError
from ktrdr.labels import Context, Labeler, Regime, Signal, build
from tests.ktrdr.labels.series import bars_of, random_bars

CONFIGS = [
    {"source": "zigzag", "threshold": 0.03},
    {"source": "zigzag", "threshold": 0.05},
    {"source": "triple_barrier", "max_holding_period": 8, "vol_span": 5},
    {"source": "triple_barrier", "max_holding_period": 5, "vol_span": 6, "vol_method": "close", "expiry_band": 0},
    {"source": "triple_barrier", "max_holding_period": 1, "vol_span": 1, "pt_multiplier": 0.1},
    {"source": "forward_return", "horizon": 7},
    {"source": "forward_return", "horizon": 3, "threshold": 0.02},
    {"source": "context"},
    {"source": "context", "horizon": 1, "bullish": 0.01, "bearish": -0.02},
    {"source": "regime", "macro_atr_mult": 1.5, "micro_atr_mult": 0.5, "atr_period": 5, "vol_lookback": 9},
    {"source": "regime", "macro_atr_mult": 2, "atr_period": 1, "vol_lookback": 4, "vol_crisis_threshold": 1.1},
]
SAMPLED = [CONFIGS[0], CONFIGS[2], CONFIGS[5], CONFIGS[7], CONFIGS[9]]
CONFIGS += [{**config, "cusum_threshold": 0.02} for config in SAMPLED]
every_labeler = pytest.mark.parametrize("labeler", [build(c) for c in CONFIGS], ids=str)


@every_labeler
def test_known_at_is_a_later_bar(labeler: Labeler) -> None:
    bars = random_bars(120, seed=1)
    labelled = labeler.label(bars)
    assert len(labelled) > 20
    assert (labelled["known_at"] > labelled.index).all()
    assert labelled["known_at"].isin(bars.index).all()


@every_labeler
def test_bars_after_known_at_never_change_a_row(labeler: Labeler) -> None:
    bars, others = random_bars(90, seed=2), random_bars(90, seed=102)
    labelled = labeler.label(bars)
    for end in range(1, len(bars)):
        last = bars.index[end - 1]
        known = labelled[labelled["known_at"] <= last]
        altered = pd.concat([bars.iloc[:end], others.iloc[end:]])
        assert labeler.label(altered).loc[known.index].equals(known)
        # Of a shorter series every row is there that is known by its end and has the bars after it that rows must have.
        n_later = end - 1 - bars.index.get_indexer(known.index)
        assert labeler.label(bars.iloc[:end]).equals(known[n_later >= labeler.horizon])


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
    drifting = [100.0 - 0.1 * bar for bar in range(labeler.lookback)]
    swinging = ([50.0, 1000.0] * (1 + labeler.horizon))[: 1 + labeler.horizon]
    bars = bars_of(drifting + swinging)
    assert labeler.label(bars).index.tolist() == [bars.index[labeler.lookback]]
    assert labeler.label(bars.iloc[:-1]).empty


@every_labeler
def test_every_labeler_says_why_there_may_be_no_label_and_what_to_change(labeler: Labeler) -> None:
    assert labeler.why_none
    assert any(name in labeler.advice for name in type(labeler).model_fields)


@every_labeler
def test_labels_are_codes_of_the_classes_or_finite_returns(labeler: Labeler) -> None:
    labels = labeler.label(random_bars(120, seed=6))["label"]
    if labeler.is_regression:
        assert labels.dtype == np.float64
        assert np.isfinite(labels).all()
    else:
        assert labels.dtype == np.int64
        assert set(labels) <= set(range(len(labeler.class_names)))
        assert labels.nunique() > 1


@every_labeler
def test_classes_know_what_is_a_rise_a_fall_and_neither(labeler: Labeler) -> None:
    assert [labeler.classes[name] for name in labeler.class_names] == list(range(len(labeler.class_names)))
    assert labeler.neutral in list(labeler.classes)
    if labeler.directions is not None:
        assert labeler.directions == tuple(labeler.classes)
        assert labeler.directions[1] == labeler.neutral


@pytest.mark.parametrize(
    ("source", "classes", "neutral"),
    [
        ("zigzag", ("BUY", "HOLD", "SELL"), Signal.HOLD),
        ("triple_barrier", ("BUY", "HOLD", "SELL"), Signal.HOLD),
        ("forward_return", ("BUY", "HOLD", "SELL"), Signal.HOLD),
        ("context", ("BULLISH", "NEUTRAL", "BEARISH"), Context.NEUTRAL),
        ("regime", ("TREND_UP", "TREND_DOWN", "RANGING", "VOLATILE"), Regime.RANGING),
    ],
)
def test_classes_are_those_of_the_strategy_file(source: str, classes: tuple[str, ...], neutral: int) -> None:
    labeler = build({"source": source})
    assert labeler.class_names == classes
    assert labeler.neutral == neutral
    assert (labeler.directions is None) == (source == "regime")


@every_labeler
def test_too_few_bars_give_an_empty_frame_of_the_same_types(labeler: Labeler) -> None:
    full = random_bars(120, seed=7)
    for n_bars in range(1 + labeler.lookback + labeler.horizon):
        labelled = labeler.label(full.iloc[:n_bars])
        assert labelled.empty
        assert labelled.dtypes.to_dict() == labeler.label(full).dtypes.to_dict()
        assert list(labelled.columns) == ["label", "known_at"]
        assert labelled.index.dtype == full.index.dtype


@every_labeler
def test_a_market_that_never_moves_has_no_labels_that_say_it_does(labeler: Labeler) -> None:
    labels = labeler.label(bars_of([100.0] * 60))["label"]
    still = 0.0 if labeler.is_regression else labeler.neutral
    # only a return over a fixed horizon needs no movement to be known, and only where every bar is an event
    is_labelled = labeler.source in ("forward_return", "context") and labeler.cusum_threshold is None
    assert set(labels) == ({still} if is_labelled else set())


@every_labeler
def test_bars_are_not_changed(labeler: Labeler) -> None:
    bars = random_bars(60, seed=8)
    before = bars.copy(deep=True)
    labeler.label(bars)
    pd.testing.assert_frame_equal(bars, before)


@every_labeler
def test_prices_may_be_numbers_of_any_kind(labeler: Labeler) -> None:
    bars = random_bars(120, seed=12)
    for kind in ("int64", "float32"):
        pd.testing.assert_frame_equal(labeler.label(bars.astype(kind)), labeler.label(bars))


@every_labeler
def test_labelers_survive_pickle_and_json(labeler: Labeler) -> None:
    bars = random_bars(60, seed=9)
    text = json.dumps(labeler.model_dump(mode="json", exclude_unset=True), allow_nan=False)
    for other in (pickle.loads(pickle.dumps(labeler)), build(json.loads(text))):
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
        ({"source": "zigzag", "cusum_threshold": 0.0}, "cusum_threshold", "greater than 0"),
        ({"source": "context", "cusum_threshold": None}, "cusum_threshold", "nothing is given"),
        ({"source": "forward_return", "horizon": 0}, "horizon", "at least 1"),
        ({"source": "forward_return", "threshold": 0}, "threshold", "greater than 0"),
        ({"source": "forward_return", "threshold": None}, "threshold", "nothing is given"),
        ({"source": "forward_return", "threshold": float("nan")}, "threshold", "finite"),
        ({"source": "context", "horizon": 2.0}, "horizon", "whole number"),
        ({"source": "context", "bullish": float("inf")}, "bullish", "finite"),
        ({"source": "context", "bullish": -1.0}, "", "bearish must be below bullish"),
        ({"source": "context", "threshold": 0.1}, "threshold", "unknown key 'threshold'"),
        ({"source": "regime", "macro_atr_mult": 0}, "macro_atr_mult", "greater than 0"),
        ({"source": "regime", "micro_atr_mult": 3.0}, "", "micro_atr_mult must be below macro_atr_mult"),
        ({"source": "regime", "atr_period": 0}, "atr_period", "at least 1"),
        ({"source": "regime", "vol_lookback": 0}, "vol_lookback", "at least 1"),
        ({"source": "regime", "vol_crisis_threshold": 0}, "vol_crisis_threshold", "greater than 0"),
        ({"source": "regime", "progression_tolerance": 0}, "progression_tolerance", "greater than 0"),
        ({"source": "regime", "progression_tolerance": 1.1}, "progression_tolerance", "at most 1"),
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


DEFAULTS = [
    {"source": "zigzag", "threshold": 0.02},
    {
        "source": "triple_barrier",
        "pt_multiplier": 2.0,
        "sl_multiplier": 1.5,
        "max_holding_period": 50,
        "vol_span": 50,
        "vol_method": "atr",
        "expiry_band": 0.5,
    },
    {"source": "forward_return", "horizon": 20, "threshold": None},
    {"source": "context", "horizon": 5, "bullish": 0.005, "bearish": -0.005},
    {
        "source": "regime",
        "macro_atr_mult": 3.0,
        "micro_atr_mult": 1.0,
        "atr_period": 14,
        "vol_lookback": 120,
        "vol_crisis_threshold": 2.0,
        "progression_tolerance": 0.5,
    },
]


@pytest.mark.parametrize("defaults", DEFAULTS, ids=lambda defaults: defaults["source"])
def test_defaults_are_those_of_the_strategy_file(defaults: dict[str, object]) -> None:
    assert build({"source": defaults["source"]}).model_dump() == {**defaults, "cusum_threshold": None}
