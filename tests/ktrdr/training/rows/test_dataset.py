"""The rows as the network is given them, on small tables whose every number is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ktrdr.errors import NotFinite, TrainingError
from ktrdr.features import InputBlock
from ktrdr.model import GRU, MLP, RecurrentArchitecture
from ktrdr.model.config import ModelFeatures
from ktrdr.strategy.training import DataSplit
from ktrdr.training.rows import dataset as dataset_module
from ktrdr.training.rows.dataset import assemble, complete_bars
from ktrdr.training.rows.splitting import BaseBars, draw_split

SPLIT = DataSplit(train=0.6, validation=0.2, test=0.2)
BLOCKS = [InputBlock.of_raw("1d", None, ("level", ""), "zscore"), InputBlock.of_raw("1d", None, ("count", ""), "none")]


def _symbol(n_bars: int, level: float, horizon: int = 2):
    times = pd.date_range("2020-01-01", periods=n_bars, tz="UTC", name="time")
    prices = 100.0 + np.arange(n_bars)
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), prices), index=times)
    table = pd.DataFrame(
        {"1d_level_raw": level + np.arange(n_bars) % 7, "1d_count_raw": np.arange(n_bars) * 1.0}, times
    )
    rows = times[:-horizon]
    labels = pd.DataFrame({"label": np.arange(len(rows)) % 3, "known_at": times[horizon:]}, index=rows)
    return bars, table, labels


def _dataset(model, n_bars=(50, 40), **changes):
    drawn = {
        name: _symbol(n, level) for (name, n), level in zip(zip("AB", n_bars, strict=True), (0.0, 50.0), strict=True)
    }
    base = {symbol: BaseBars(bars) for symbol, (bars, _, _) in drawn.items()}
    tables = {symbol: table.copy() for symbol, (_, table, _) in drawn.items()}
    for (symbol, column, row), value in changes.pop("values", {}).items():
        tables[symbol].loc[tables[symbol].index[row], column] = value
    complete = {symbol: complete_bars(table, model) for symbol, table in tables.items()}
    draw = draw_split(complete, {symbol: labels for symbol, (_, _, labels) in drawn.items()}, SPLIT, base)
    return assemble(BLOCKS, model, tables, draw, base, **changes), draw, tables


def _mlp(n_lags: int = 0) -> MLP:
    return MLP(type="mlp", features=ModelFeatures(lookback_periods=n_lags))


def test_scalers_are_fitted_on_the_training_rows_of_all_symbols_together():
    dataset, draw, tables = _dataset(_mlp())
    training = np.concatenate([tables[name]["1d_level_raw"].to_numpy()[draw.train[name].bar_number] for name in "AB"])
    expected = (training - training.mean()) / training.std()
    np.testing.assert_allclose(dataset.train.X[:, 0], expected, rtol=1e-6)
    test = np.concatenate([tables[name]["1d_level_raw"].to_numpy()[draw.test[name].bar_number] for name in "AB"])
    np.testing.assert_allclose(dataset.test.X[:, 0], (test - training.mean()) / training.std(), rtol=1e-6)


def test_lags_are_of_the_same_symbol_and_scaled_alike():
    dataset, _, _ = _dataset(_mlp(n_lags=2))
    assert dataset.train.X.shape[1] == 6
    for part in (dataset.train, dataset.validation, dataset.test):
        np.testing.assert_array_equal(part.X[:, 3], part.X[:, 1] - 1)  # the count, one bar ago
        np.testing.assert_array_equal(part.X[:, 5], part.X[:, 1] - 2)
    first_of_b = int(np.argmax(dataset.train.rows_of("B")))
    assert dataset.train.X[first_of_b, [1, 3, 5]].tolist() == [2, 1, 0]  # two bars of warm-up, none of A's


def test_a_window_ends_with_the_row_and_reaches_back_over_purged_and_unlabelled_bars_of_its_symbol():
    model = GRU(type="gru", architecture=RecurrentArchitecture(sequence_length=5))
    dataset, draw, _ = _dataset(model)
    for part, rows in ((dataset.train, draw.train), (dataset.validation, draw.validation), (dataset.test, draw.test)):
        numbers = np.concatenate([of_symbol.bar_number for of_symbol in rows.values()])
        assert part.X.shape == (len(numbers), 5, 2)
        np.testing.assert_array_equal(part.X[:, :, 1], numbers[:, None] + np.arange(-4, 1))
    assert dataset.rows["A"].rows_warmup == 4


def test_features_of_the_rows_stand_by_symbol_and_time_without_lags():
    dataset, _, _ = _dataset(_mlp(n_lags=1))
    assert list(dataset.features.columns) == ["1d_level_raw", "1d_count_raw"]
    assert len(dataset.features) == len(dataset.train) + len(dataset.validation) + len(dataset.test)
    assert dataset.features.index[: len(dataset.train)].equals(dataset.train.index)


def test_weights_by_uniqueness_are_those_of_the_training_rows_left_and_one_on_average():
    dataset, draw, _ = _dataset(_mlp(), sample_weights="uniqueness")
    assert dataset.weights is not None
    assert dataset.weights.mean() == pytest.approx(1)
    by_hand = []
    for rows in draw.train.values():
        lives = [set(range(number + 1, number + 3)) for number in rows.bar_number]
        alive = {bar: sum(bar in life for life in lives) for life in lives for bar in life}
        by_hand += [np.mean([1 / alive[bar] for bar in life]) for life in lives]
    np.testing.assert_allclose(dataset.weights, np.array(by_hand) / np.mean(by_hand), rtol=1e-6)
    assert _dataset(_mlp())[0].weights is None


def test_what_float32_cannot_hold_is_refused_with_its_feature_and_bar():
    with pytest.raises(NotFinite, match="1d_count_raw is infinite on bar 2020-01-12"):
        _dataset(_mlp(n_lags=1), values={("B", "1d_count_raw", 11): 1e39})


def test_inputs_that_cannot_fit_into_memory_are_refused_before_they_are_made(monkeypatch):
    monkeypatch.setattr(dataset_module, "MAX_INPUT_BYTES", 2**20)
    model = GRU(type="gru", architecture=RecurrentArchitecture(sequence_length=300))
    with pytest.raises(TrainingError, match="GiB") as caught:
        _dataset(model, n_bars=(2_000, 2_000))
    assert "sequence_length" in str(caught.value.suggestion)
