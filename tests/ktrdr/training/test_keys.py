"""Every key that a strategy file may have changes something that can be seen, those declared to be inert aside."""

from __future__ import annotations

import inspect
import itertools

import pytest

from ktrdr.declaration import Declaration, LeftOut
from ktrdr.errors import StrategyError
from ktrdr.fuzzy import Membership
from ktrdr.indicators import Indicator, build
from ktrdr.indicators.functions import NAMES, bounds, function_named
from ktrdr.labels import Labeler
from ktrdr.storage import ModelStorage
from ktrdr.strategy import Strategy
from ktrdr.strategy.training import DataSplit
from ktrdr.training import TrainingExecutor
from tests.fakes.markets import candles, walking_bars
from tests.ktrdr.training import keys
from tests.ktrdr.training.key_cases import CASES, FITTED, INERT, ONE_VALUE
from tests.ktrdr.training.keys import DATA, features, forget, keys_of, measured, model, strategy_with
from tests.ktrdr.training.part_key_cases import MODELS
from tests.ktrdr.training.whole import train

KEYS = keys_of(Strategy)
OF_STRATEGIES = {
    name: case for name, case in CASES.items() if list(inspect.signature(case.seen).parameters) == ["overrides"]
}
"""Cases that are seen of a whole strategy, not of one part built by itself."""


def test_every_key_has_a_case():
    covered = {key.partition("[")[0] for key in CASES} | INERT.keys() | ONE_VALUE.keys()
    assert KEYS.keys() - covered == set()
    assert covered - KEYS.keys() == set()
    assert not CASES.keys() & (INERT.keys() | ONE_VALUE.keys())
    # the walk went everywhere
    assert {"Strategy.name", "EarlyStopping.min_delta", "PiShape.parameters", "Ichimoku.displacement"} <= KEYS.keys()


def test_a_key_that_is_added_anywhere_is_missed():
    class WiderSplit(DataSplit):
        gap_bars: int = 0

    class Wider(Declaration):
        split: LeftOut[WiderSplit] = None
        many: dict[str, tuple[WiderSplit, ...]] = {}

    added = keys_of(Wider).keys() - KEYS.keys()
    assert {"Wider.split", "Wider.many", "WiderSplit.gap_bars"} <= added


@pytest.mark.parametrize("key", CASES)
def test_a_key_has_an_effect(key):
    case = CASES[key]
    assert case.before != case.after
    assert case.seen(case.before) != case.seen(case.after)


@pytest.mark.parametrize("seen", sorted({case.seen.__name__ for case in CASES.values()}))
def test_what_is_seen_of_the_same_values_is_the_same(seen):
    case = next(case for case in CASES.values() if case.seen.__name__ == seen)
    once = case.seen(case.before)
    forget()
    assert case.seen(case.before) == once


@pytest.mark.parametrize("key", OF_STRATEGIES)
def test_a_key_with_an_effect_makes_another_strategy(key):
    before, after = (strategy_with(values) for values in (CASES[key].before, CASES[key].after))
    assert before.sha256 != after.sha256
    assert before.document() != after.document()


@pytest.mark.parametrize("family", [Indicator, Membership, Labeler])
def test_no_two_types_of_a_family_say_the_same(family):
    named = "source" if family is Labeler else "type"
    cases = {name: CASES[f"{name}.{named}"] for name, member in MODELS.items() if issubclass(member, family)}
    seen = {name: case.seen(case.before) for name, case in cases.items()}
    assert len(seen) > 3
    assert [pair for pair in itertools.combinations(seen, 2) if seen[pair[0]] == seen[pair[1]]] == []


@pytest.mark.parametrize("key", INERT)
def test_an_inert_key_changes_nothing_and_is_kept_with_the_model(key):
    section, _, name = key.partition(".")
    path = name if section == "Strategy" else f"{section.lower()}.{name}"
    plain, described = {}, {path: INERT[key]}
    assert features(plain) == features(described)
    assert model(plain) == model(described)
    assert measured(plain) == measured(described)
    assert strategy_with(plain).sha256 == strategy_with(described).sha256
    kept = train(strategy_with(described), DATA).artifact.config["strategy"]
    assert (kept if section == "Strategy" else kept[section.lower()])[name] == INERT[key]


@pytest.mark.parametrize("key", ONE_VALUE)
def test_a_key_of_one_value_takes_no_other(key):
    path, value = ONE_VALUE[key]
    base = {"fuzzy_sets.roc": FITTED}
    assert strategy_with({**base, path: value})
    with pytest.raises(StrategyError, match=path):
        strategy_with({**base, path: "4.0"})


def test_a_set_that_is_fitted_is_another_than_one_that_is_declared():
    assert features({}) != features({"fuzzy_sets.roc": FITTED})


def test_the_name_is_the_models_and_changes_nothing_else(tmp_path):
    storage = ModelStorage(tmp_path / "models")
    results = {}
    for name in ("small", "other"):
        strategy = strategy_with({"name": name})
        executor = TrainingExecutor(strategy, data=DATA, model_storage=storage, device="cpu")
        results[name] = executor.execute(None, None, None, None)
    assert {name: result["model_id"] for name, result in results.items()} == {
        "small": "small/A_1d_v1",
        "other": "other/A_1d_v1",
    }
    assert model({"name": "other"}) == model({})
    assert measured({"name": "other"}) == measured({})


def _with_parameters():
    return [(name, key, default) for name in NAMES for key, default in function_named(name).parameters]


@pytest.fixture(scope="module")
def markets():
    return walking_bars(700), candles(40_000)


@pytest.mark.parametrize(("function", "key", "default"), _with_parameters())
def test_a_parameter_of_a_talib_function_has_an_effect(function, key, default, markets):
    least, greatest = bounds(function_named(function), key)
    more = default + 1 if isinstance(default, int) else default * 1.5 or 0.5
    less = default - 1 if isinstance(default, int) else default / 1.5
    value = more if least <= more <= greatest else less
    bars = markets[function.startswith("CDL")]
    before, after = (
        build({"type": "talib", "function": function, **given}).compute(bars) for given in ({}, {key: value})
    )
    assert not before.equals(after)


def test_what_is_seen_of_a_training_has_no_time_in_it():
    trained = train(strategy_with({}), DATA)
    assert "training_time_s" not in trained.history
    assert keys.rates({}) == trained.history["learning_rate"]
