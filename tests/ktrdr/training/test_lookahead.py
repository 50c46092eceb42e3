"""The detector of lookahead, shown leaks that are made on purpose, one kind at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ktrdr.data import BarStore, DataManager, SeriesKey
from ktrdr.features import table as feature_tables
from ktrdr.indicators import Indicator
from ktrdr.labels import ContextReturn, ForwardReturn
from ktrdr.strategy import load_strategy
from ktrdr.training.lookahead import CUT_SHARES, find_leaks
from ktrdr.training.rows import dataset as datasets
from ktrdr.training.rows import preparation
from ktrdr.training.scope import settle_scope
from tests.fakes.bars import MemorySource
from tests.fakes.cheats import (
    Ahead,
    AheadAfter2010,
    AheadDirection,
    AheadShape,
    AheadVolume,
    HastyContext,
    HastyReturn,
    OfAllBars,
    Repainting,
)
from tests.ktrdr.training.strategies import BUNDLED, bundled_data, document
from tests.ktrdr.training.whole import break_the_purge, prepare

EXAMPLES = sorted((Path(__file__).parents[3] / "strategies").glob("*.yaml"))
DATES = {"training_data.date_range": {"start": "2005-01-01", "end": "2010-12-31"}}
SP500 = SeriesKey("SP500", "1d")
WEEKS = {"training_data.timeframes": {"mode": "multi_timeframe", "list": ["1d", "1w"]}}
REGRESSION = {
    "decisions": {"output_format": "regression", "cost_model": {"round_trip_cost": 0.001}},
    "training.labels": {"source": "forward_return", "horizon": 5},
}


def _with(indicator: Indicator | None = None, inputs: list | None = None, **overrides):
    raw = {"nn_inputs": inputs or [{"raw_indicator": "roc_10"}, {"fuzzy_set": "rsi"}]}
    strategy = load_strategy(document(), {**DATES, **raw, **overrides})
    if indicator is None:
        return strategy
    return strategy.model_copy(update={"indicators": {**strategy.indicators, "roc_10": indicator}})


def _labelled_by(labeler):
    strategy = _with(**(REGRESSION if labeler.is_regression else {}))
    return strategy.model_copy(update={"training": strategy.training.model_copy(update={"labels": labeler})})


def _leaks(strategy, data=None, **keys):
    return find_leaks(strategy, data or bundled_data(), settle_scope(strategy), **keys)


def _first_cut(strategy, key=SP500):
    """Return the symbol's bars, and the position of the last one known at the first cut."""
    market = prepare(strategy, bundled_data()).market
    return market.series[key], int(CUT_SHARES[0] * len(market.closes[key]))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_no_example_knows_the_future(path):
    assert _leaks(load_strategy(path, DATES)) == ()


@pytest.mark.parametrize("n_bars", [1, 4])
def test_the_first_bar_that_knew_is_named_with_what_it_knew(n_bars):
    strategy = _with(Ahead(n_bars=n_bars))
    (leak,) = _leaks(strategy)
    bars, at = _first_cut(strategy)
    assert (leak.kind, leak.column, leak.symbol) == ("feature", "1d_roc_10_raw", "SP500")
    assert leak.bar == str(bars.index[at + 1 - n_bars])
    assert leak.before == bars["close"].iloc[at + 1]
    assert leak.after not in (None, leak.before)
    assert leak.cut == str(bars.index[at] + pd.Timedelta(days=1))
    assert leak.n_bars == n_bars
    for part in ("1d_roc_10_raw", "SP500", leak.bar, str(leak.before), leak.cut):
        assert part in str(leak)
    assert leak.as_dict()["bar"] == leak.bar


def test_a_scale_that_all_bars_set_changes_every_bar_from_the_first():
    strategy = _with(OfAllBars())
    (leak,) = _leaks(strategy)
    bars, at = _first_cut(strategy)
    assert (leak.bar, leak.n_bars) == (str(bars.index[0]), at + 1)


@pytest.mark.parametrize(
    "indicator", [AheadShape(), AheadVolume(), AheadDirection()], ids=lambda one: type(one).__name__
)
def test_whatever_is_read_of_a_later_bar_shows(indicator):
    (leak,) = _leaks(_with(indicator))
    assert (leak.kind, leak.column, leak.n_bars) == ("feature", "1d_roc_10_raw", 1)


def test_degrees_and_fitted_sets_show_it_too():
    sets = document()["fuzzy_sets"] | {
        "roc": {"indicator": "roc_10", "low": [0, 800, 1200], "high": [1000, 1500, 2000]}
    }
    leaks = _leaks(_with(Ahead(), [{"fuzzy_set": "roc"}, {"fuzzy_set": "rsi"}], fuzzy_sets=sets))
    assert {leak.column for leak in leaks} <= {"1d_roc_low", "1d_roc_high"}
    assert {leak.kind for leak in leaks} == {"feature"}
    fitted = document()["fuzzy_sets"] | {"roc": {"indicator": "roc_10", "fit": "quantiles", "terms": ["low", "high"]}}
    (leak,) = _leaks(_with(Ahead(), [{"fuzzy_set": "roc"}], fuzzy_sets=fitted))
    assert leak.kind == "feature"
    assert leak.column.startswith("1d_roc")


def test_another_symbols_bars_show_it_too():
    honest = document()["indicators"] | {"roc_10": {"type": "roc", "data_source": "NASDAQ"}}
    strategy = _with(Ahead(data_source="NASDAQ"), indicators=honest)
    (leak,) = _leaks(strategy)
    nasdaq, _ = _first_cut(strategy, SeriesKey("NASDAQ", "1d"))
    assert (leak.symbol, leak.column) == ("SP500", "1d_roc_10_raw")
    assert leak.before == nasdaq["close"].loc[nasdaq.index > leak.bar].iloc[0]
    assert _leaks(_with(indicators=honest)) == ()


def test_weeks_that_know_the_next_one_are_found_on_days():
    leaks = _leaks(_with(Ahead(), **WEEKS))
    assert {leak.column for leak in leaks} == {"1d_roc_10_raw", "1w_roc_10_raw"}


@pytest.mark.parametrize("n_days", [5, 1], ids=["by their open", "one day early"])
def test_weeks_that_are_joined_before_they_close_are_found(monkeypatch, n_days):
    as_of, early = feature_tables.as_of, pd.Timedelta(days=n_days)
    monkeypatch.setattr(feature_tables, "as_of", lambda values, closes, at: as_of(values, closes - early, at))
    strategy = _with(**WEEKS)
    leaks = _leaks(strategy)
    assert {leak.column for leak in leaks} == {
        "1w_roc_10_raw",
        *(f"1w_rsi_{term}" for term in ("low", "middle", "high")),
    }
    market = prepare(strategy, bundled_data()).market
    weeks, days = (market.closes[SeriesKey("SP500", timeframe)] for timeframe in ("1w", "1d"))
    leak = next(leak for leak in leaks if leak.column == "1w_roc_10_raw")
    following = weeks[weeks > leak.cut][0]
    knew = days[(days >= following - early) & (days <= leak.cut)]
    assert leak.bar == str(knew[0] - pd.Timedelta(days=1))
    assert leak.n_bars == len(knew)


@pytest.mark.parametrize("part", ["with_lags", "windows"])
def test_lags_and_windows_that_reach_forward_are_found(monkeypatch, part):
    model = {
        "with_lags": {"type": "mlp", "features": {"lookback_periods": 1}},
        "windows": {"type": "lstm", "architecture": {"sequence_length": 3, "hidden_size": 4, "num_layers": 1}},
    }[part]
    strategy = _with(model=model)
    assert _leaks(strategy) == ()
    right = getattr(datasets, part)
    broken = {
        "with_lags": lambda features, n_lags: np.hstack([features, np.vstack([features[1:], features[-1:]])]),
        "windows": lambda features, rows, length: right(features, np.minimum(rows + 1, len(features) - 1), length),
    }[part]
    monkeypatch.setattr(datasets, part, broken)
    leaks = _leaks(strategy)
    suffix = "_lag_1" if part == "with_lags" else ""
    assert {leak.kind for leak in leaks} == {"feature"}
    assert f"1d_roc_10_raw{suffix}" in {leak.column for leak in leaks}
    assert all(leak.column.endswith(suffix) for leak in leaks)
    leak = next(leak for leak in leaks if leak.column.startswith("1d_roc_10_raw"))
    last_train = prepare(strategy, bundled_data()).dataset.train.index[-1][1]
    # the last row that trains reads the bar after it, on which it must not
    assert (leak.bar, leak.cut) == (str(last_train), str(last_train + pd.Timedelta(days=1)))


def test_a_label_that_claims_to_be_known_too_early_is_found():
    strategy = _labelled_by(HastyReturn(source="forward_return", horizon=5))
    (leak,) = _leaks(strategy)
    bars, at = _first_cut(strategy)
    assert (leak.kind, leak.column, leak.symbol) == ("label", "label", "SP500")
    # known by the cut are the labels up to one bar before it; those of the last four look beyond
    assert leak.bar == str(bars.index[at - 4])
    assert leak.n_bars == 4
    close = bars["close"].to_numpy()
    assert leak.before == close[at + 1] / close[at - 4] - 1
    assert _leaks(_labelled_by(ForwardReturn(source="forward_return", horizon=5))) == ()


def test_a_class_that_claims_to_be_known_too_early_is_found():
    (leak,) = _leaks(_labelled_by(HastyContext(source="context", horizon=10)))
    assert (leak.kind, leak.column) == ("label", "label")
    assert {leak.before, leak.after} <= {0.0, 1.0, 2.0}
    assert _leaks(_labelled_by(ContextReturn(source="context", horizon=10))) == ()


def test_a_label_whose_time_of_knowing_changes_is_found():
    leaks = _leaks(_labelled_by(Repainting(source="context")))
    assert {leak.kind for leak in leaks} == {"label"}
    (leak,) = (leak for leak in leaks if leak.column == "known_at")
    assert pd.Timestamp(leak.bar) < min(pd.Timestamp(leak.before), pd.Timestamp(leak.after))


def test_a_purge_that_does_not_purge_is_found(monkeypatch):
    break_the_purge(monkeypatch)
    strategy = _with()
    leaks = _leaks(strategy)
    assert [(leak.kind, leak.column, leak.symbol) for leak in leaks] == [
        ("split", "train", "SP500"),
        ("split", "validation", "SP500"),
    ]
    dataset = prepare(strategy, bundled_data()).dataset
    first = dataset.validation.index[0][1]
    late = dataset.train.index[dataset.train.known_at >= first]
    assert (leaks[0].bar, leaks[0].n_bars, leaks[0].cut) == (str(late[0][1]), len(late), str(first))


@pytest.mark.parametrize("beyond", ["all rows", "purged rows"])
def test_what_is_fitted_on_other_rows_than_those_that_train_is_found(monkeypatch, beyond):
    assemble, fit_inputs = preparation.assemble, datasets.fit_inputs

    def fit_on_more(blocks, model, tables, draw, *more):
        def fit(blocks, training):
            last = training.index[-1]
            rows = tables["SP500"].dropna()
            n_rows = len(rows) if beyond == "all rows" else int(rows.index.searchsorted(last)) + 5
            return fit_inputs(blocks, rows.iloc[:n_rows])

        with monkeypatch.context() as patch:
            patch.setattr(datasets, "fit_inputs", fit)
            return assemble(blocks, model, tables, draw, *more)

    inputs = [{"raw_indicator": "roc_10", "normalization": "zscore"}, {"fuzzy_set": "rsi"}]
    fitted = {"indicator": "rsi_14", "fit": "quantiles", "terms": ["low", "middle", "high"]}
    strategy = _with(inputs=inputs, fuzzy_sets={"rsi": fitted})
    assert _leaks(strategy) == ()
    monkeypatch.setattr(preparation, "assemble", fit_on_more)
    monkeypatch.setattr("ktrdr.training.lookahead.assemble", fit_on_more)
    leaks = _leaks(strategy)
    assert [(leak.kind, leak.column) for leak in leaks] == [
        ("fitted", "1d_roc_10_raw"),
        ("fitted", "1d_rsi_low, 1d_rsi_middle, 1d_rsi_high"),
    ]
    assert "Scaler" in leaks[0].before or "offset" in leaks[0].before
    assert leaks[0].before != leaks[0].after


def _one_after_the_other():
    """Two symbols whose bars do not overlap: of the first those before 2010, of the second those from then on."""
    bars = BarStore([BUNDLED]).read(SeriesKey("SP500", "1d"))
    years = bars.index.year
    return MemorySource(
        {
            SeriesKey("EARLY", "1d"): bars[(years >= 2004) & (years < 2010)],
            SeriesKey("LATE", "1d"): bars[(years >= 2010) & (years < 2014)],
        }
    )


def test_a_symbol_whose_bars_come_after_the_firsts_is_looked_at():
    symbols = {"training_data": {
        "symbols": {"mode": "multi_symbol", "list": ["EARLY", "LATE"]},
        "timeframes": {"mode": "single", "timeframe": "1d"},
    }}  # fmt: skip
    keys = document() | symbols | {"nn_inputs": [{"raw_indicator": "roc_10", "normalization": "zscore"}]}
    strategy, data = load_strategy(keys), DataManager(_one_after_the_other())
    assert _leaks(strategy, data) == ()
    leaking = strategy.model_copy(update={"indicators": {**strategy.indicators, "roc_10": AheadAfter2010()}})
    (leak,) = _leaks(leaking, data)
    assert (leak.symbol, leak.kind) == ("LATE", "feature")


def test_every_cut_is_reported_and_may_be_the_last():
    seen = []
    strategy = _with(**WEEKS)
    _leaks(strategy, report=lambda number, total, message: seen.append((number, total, message)))
    assert [number for number, _, _ in seen] == list(range(1, seen[-1][1] + 1))
    assert len({message for *_, message in seen}) == len(seen)

    def stop(number, total, message):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _leaks(strategy, report=stop)


def test_changed_bars_without_labels_are_no_fault():
    # a few swings this large, and none in bars that are noise around a level
    strategy = _with(**{"training.labels": {"source": "regime", "macro_atr_mult": 8.0}})
    assert _leaks(strategy) == ()
