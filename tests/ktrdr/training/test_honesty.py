"""Whole trainings on bars whose truth is known: what is announced is learnt, what is not is not, parts do not touch."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ktrdr.data import SeriesKey
from ktrdr.labels import build
from ktrdr.strategy import load_strategy
from tests.fakes.markets import announcing, fair_bars, in_memory, walking_bars
from tests.ktrdr.training.strategies import bundled_data, document
from tests.ktrdr.training.whole import break_the_purge, prepare, train

LABELS = {
    "zigzag": {"source": "zigzag", "threshold": 0.03},
    "triple_barrier": {"source": "triple_barrier", "max_holding_period": 10, "vol_span": 20},
    "forward_return": {"source": "forward_return", "horizon": 5, "threshold": 0.01},
    "context": {"source": "context", "horizon": 5},
    "regime": {"source": "regime"},
    "returns": {"source": "forward_return", "horizon": 5},
}
RETURNS = {"output_format": "regression", "cost_model": {"round_trip_cost": 0.005}}
MODELS = {
    "mlp": {"type": "mlp", "architecture": {"hidden_layers": [16]}},
    "lstm": {"type": "lstm", "architecture": {"sequence_length": 2, "hidden_size": 16, "num_layers": 1}},
    "gru": {"type": "gru", "architecture": {"sequence_length": 2, "hidden_size": 16, "num_layers": 1}},
}
ANNOUNCED = {"type": "ema", "period": 1, "source": "volume"}


def _strategy(labels, *, symbols=("A",), dates=None, **overrides):
    keys = document(labels=labels)
    keys["training_data"] = {
        "symbols": {"mode": "multi_symbol", "list": list(symbols)},
        "timeframes": {"mode": "single", "timeframe": "1d"},
        **({"date_range": dates} if dates else {}),
    }
    if build(labels).is_regression:
        keys["decisions"] = RETURNS
    return load_strategy(keys, overrides)


def _reading_the_announcement(labels, model="mlp", epochs=30):
    learning = {"training.epochs": epochs, "training.learning_rate": 0.01, "model": MODELS[model]}
    indicators = {**document()["indicators"], "said": ANNOUNCED}
    inputs = [{"raw_indicator": "said", "normalization": "zscore"}, {"fuzzy_set": "rsi"}]
    return _strategy(labels, indicators=indicators, nn_inputs=inputs, **learning)


@pytest.mark.parametrize(
    ("labels", "model"),
    [*((name, "mlp") for name in LABELS if name != "returns"), ("triple_barrier", "lstm"), ("triple_barrier", "gru")],
)
def test_a_feature_that_is_the_label_is_learnt(labels, model):
    bars = announcing(walking_bars(2500), build(LABELS[labels]))
    metrics = train(_reading_the_announcement(LABELS[labels], model), in_memory(A=bars)).result["test_metrics"]
    assert metrics["accuracy"] > 0.99
    assert metrics["accuracy"] > metrics["baseline"]["majority"] + 0.1


def test_a_feature_that_is_the_return_is_learnt():
    bars = announcing(walking_bars(2500), build(LABELS["returns"]))
    metrics = train(_reading_the_announcement(LABELS["returns"]), in_memory(A=bars)).result["test_metrics"]
    assert metrics["returns"]["information_coefficient"] > 0.99
    assert metrics["returns"]["mae"] < metrics["returns"]["mae_of_zero"] / 5
    assert metrics["accuracy"] > 0.9


NEXT_MOVE = {
    "forward_return": {"source": "forward_return", "horizon": 1, "threshold": 0.005},
    "context": {"source": "context", "horizon": 1},
}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", ["nothing announced", "announcements shuffled"])
@pytest.mark.parametrize(("labels", "model"), [("forward_return", "mlp"), ("context", "mlp"), ("context", "gru")])
def test_what_nothing_announces_is_forecast_no_better_than_by_chance(labels, model, kind, seed):
    labeler = build(NEXT_MOVE[labels])
    bars = fair_bars(2000, seed)
    if kind == "announcements shuffled":
        volume = announcing(bars, labeler)["volume"].to_numpy()
        bars = bars.assign(volume=np.random.default_rng(seed).permutation(volume))
    strategy = _reading_the_announcement(NEXT_MOVE[labels], model, epochs=12)
    result = train(strategy, in_memory(A=bars)).result
    # whatever is forecast of three classes that are equally likely and independent, a third of it is right
    n_rows = result["data_summary"]["rows_test"]
    low, high = stats.binom.interval(0.999, n_rows, 1 / 3)
    assert n_rows > 250
    assert low <= result["test_metrics"]["accuracy"] * n_rows <= high
    assert result["training_metrics"]["final_train_accuracy"] < 0.6


def test_the_shuffled_announcements_are_learnt_once_they_are_in_order_again():
    bars = announcing(fair_bars(2000, 1), build(NEXT_MOVE["context"]))
    strategy = _reading_the_announcement(NEXT_MOVE["context"], epochs=12)
    assert train(strategy, in_memory(A=bars)).result["test_metrics"]["accuracy"] > 0.99


def test_bars_after_the_validation_part_do_not_reach_the_weights():
    strategy = _strategy(
        {"source": "context", "horizon": 5},
        nn_inputs=[{"raw_indicator": "roc_10", "normalization": "zscore"}, {"fuzzy_set": "rsi"}],
        fuzzy_sets={"rsi": {"indicator": "rsi_14", "fit": "quantiles", "terms": ["low", "middle", "high"]}},
        **{"training.sample_weights": "uniqueness", "training.class_weights": "balanced"},
    )
    bars = walking_bars(1000)
    first_test = prepare(strategy, in_memory(A=bars)).dataset.test.index[0][1]
    honest, changed, too_early = (
        train(strategy, in_memory(A=bars.mul(np.where(bars.index >= start, 1.3, 1.0), axis=0)))
        for start in (pd.Timestamp.max.tz_localize("UTC"), first_test, bars.index[600])
    )
    assert changed.artifact.weights == honest.artifact.weights
    assert changed.history == honest.history
    assert changed.result["test_metrics"] != honest.result["test_metrics"]
    assert too_early.artifact.weights != honest.artifact.weights


# --- where the parts meet, on the bars that come with ktrdr

SYMBOLS = ("SP500", "NASDAQ")
PARTS = ("train", "validation", "test")
DATES = {"start": "2003-01-01", "end": "2012-12-31"}

each_labeler = pytest.mark.parametrize(
    "labels",
    [
        pytest.param({**labels, **event}, id=name + ("-events" if event else ""))
        for name, labels in LABELS.items()
        for event in ({}, {"cusum_threshold": 0.015})
    ],
)


def _on_two_indices(labels, embargo_bars=0):
    split = {"train": 0.7, "validation": 0.15, "test": 0.15, "embargo_bars": embargo_bars}
    return _strategy(labels, symbols=SYMBOLS, dates=DATES, **{"training.data_split": split})


def _rows_of(dataset, part, symbol):
    """Return the times of a symbol's rows in a part, and when their labels became known."""
    rows = getattr(dataset, part)
    own = rows.rows_of(symbol)
    return rows.index[own].get_level_values("time"), rows.known_at[own]


def _parts_that_touch(dataset):
    """Return where a label is known only once the next part of its symbol has begun."""
    return [
        (symbol, part)
        for symbol in SYMBOLS
        for part, following in itertools.pairwise(PARTS)
        if _rows_of(dataset, part, symbol)[1].max() >= _rows_of(dataset, following, symbol)[0].min()
    ]


@each_labeler
def test_parts_do_not_touch_and_every_bar_is_accounted_for(labels):
    prepared = prepare(_on_two_indices(labels), bundled_data())
    dataset = prepared.dataset
    assert _parts_that_touch(dataset) == []
    for symbol, account in dataset.rows.items():
        n_in_range = len(prepared.market.series[symbol, "1d"]) - prepared.market.n_lookback[symbol, "1d"]
        counts = account.model_dump()
        assert counts.pop("rows_loaded") == n_in_range == sum(counts.values())
        for part in PARTS:
            times, known_at = _rows_of(dataset, part, symbol)
            assert counts[f"rows_{part}"] == len(times) > 0
            assert (known_at > times).all()
            assert times.is_monotonic_increasing and times.is_unique
        times = [_rows_of(dataset, part, symbol)[0] for part in PARTS]
        assert times[0].max() < times[1].min() <= times[1].max() < times[2].min()
    assert dataset.total.rows_loaded == sum(account.rows_loaded for account in dataset.rows.values())


@each_labeler
def test_a_row_is_purged_only_where_its_label_looks_across(labels):
    prepared = prepare(_on_two_indices(labels), bundled_data())
    for symbol in SYMBOLS:
        table, of_symbol = prepared.tables[symbol], prepared.labels[symbol]
        rows = of_symbol.loc[of_symbol.index.isin(table.dropna().index)]
        starts = [rows.index[0], *(rows.index[int(len(rows) * share + 1e-9)] for share in (0.7, 0.85))]
        ends = [*starts[1:], pd.Timestamp.max.tz_localize("UTC")]
        for part, start, end in zip(PARTS, starts, ends, strict=True):
            drawn = rows[(rows.index >= start) & (rows.index < end)]
            times, known_at = _rows_of(prepared.dataset, part, symbol)
            assert times.equals(drawn.index[drawn["known_at"] < end])
            assert list(known_at) == list(drawn.loc[times, "known_at"])


@each_labeler
def test_a_label_is_that_of_its_own_symbols_bars(labels):
    prepared = prepare(_on_two_indices(labels), bundled_data())
    labeler = build(labels)
    for symbol in SYMBOLS:
        key = SeriesKey(symbol, "1d")
        # of the bars before the range it sees those that it looks back to
        bars = prepared.market.series[key].iloc[max(0, prepared.market.n_lookback[key] - labeler.lookback) :]
        expected = labeler.label(bars)
        for part in PARTS:
            rows = getattr(prepared.dataset, part)
            own = rows.rows_of(symbol)
            times, known_at = _rows_of(prepared.dataset, part, symbol)
            np.testing.assert_array_equal(rows.y[own], expected.loc[times, "label"].to_numpy())
            assert list(known_at) == list(expected.loc[times, "known_at"])


@each_labeler
def test_the_embargo_is_added_after_the_purge(labels):
    n_bars = 7
    plain = prepare(_on_two_indices(labels), bundled_data())
    kept = prepare(_on_two_indices(labels, embargo_bars=n_bars), bundled_data()).dataset
    for symbol in SYMBOLS:
        number = pd.Series(range(len(plain.tables[symbol])), index=plain.tables[symbol].index)
        n_dropped = 0
        for part in PARTS:
            before, after = (_rows_of(dataset, part, symbol)[0] for dataset in (plain.dataset, kept))
            is_outside = number[before] <= number[before[-1]] - (n_bars if part != "test" else 0)
            assert after.equals(before[is_outside.to_numpy()])
            n_dropped += len(before) - len(after)
        assert kept.rows[symbol].rows_embargoed == n_dropped > 0
        assert kept.rows[symbol].rows_purged == plain.dataset.rows[symbol].rows_purged


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_parts_touch_where_the_purge_is_broken(monkeypatch, labels):
    break_the_purge(monkeypatch)
    dataset = prepare(_on_two_indices(labels), bundled_data()).dataset
    assert _parts_that_touch(dataset) == [(symbol, part) for symbol in SYMBOLS for part in ("train", "validation")]
