from __future__ import annotations

import copy
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktrdr.errors import StrategyError
from ktrdr.strategy import load_strategy, read_document, validate_strategy
from ktrdr.strategy.migration import migrate
from ktrdr.strategy.migration.ledger import legal_name
from ktrdr.strategy.migration.writing import written
from ktrdr.strategy.names import NAME
from tests.ktrdr.strategy.older import V1, V2, left_behind, migrated_with
from tests.ktrdr.strategy.texts import VALID, changed


def test_a_v2_file_becomes_a_strategy_that_says_the_same():
    found = migrate(V2)
    assert found.problems == ()
    strategy = load_strategy(found.text)
    assert (strategy.name, strategy.version, strategy.description) == ("trend_1_5", "3.0", "RSI, ADX and MACD")
    assert (strategy.symbols, strategy.timeframes) == (("EURUSD",), ("1h",))
    assert strategy.training_data.history_required == 200
    assert strategy.training_data.date_range.start == "2015-01-01"
    assert strategy.indicators["macd_12_26_9"].slow_period == 26
    assert (strategy.indicators["bb_20"].period, strategy.indicators["bb_20"].multiplier) == (20, 2.5)
    reads = {name: fuzzy_set.indicator for name, fuzzy_set in strategy.fuzzy_sets.items()}
    assert reads == {
        "rsi_14": "rsi_14",
        "ADX_14": "adx_14",
        "DI_Plus_14": "adx_14.plus_di",
        "macd_12_26_9_histogram": "macd_12_26_9.histogram",
        "bb_20": "bb_20",
    }
    assert [item.fuzzy_set for item in strategy.nn_inputs] == list(reads)
    assert strategy.fuzzy_sets["rsi_14"].memberships["neutral"].parameters == (50, 10)
    assert strategy.fuzzy_sets["ADX_14"].memberships["weak"].parameters == (0, 0, 15, 25)
    assert strategy.model.features.lookback_periods == 2
    training = strategy.training
    assert (training.labels.source, training.labels.threshold) == ("zigzag", 0.025)
    assert (training.learning_rate, training.batch_size, training.epochs) == (0.002, 32, 50)
    assert (training.optimizer, training.early_stopping.patience) == ("adam", 15)
    assert (strategy.scope, strategy.decisions.filters["min_signal_separation"]) == ("universal", 4)


def test_what_a_v2_file_says_in_vain_is_named_with_its_line():
    found = migrate(V2)
    assert set(left_behind(found)) == {"model.training.analytics", "training.labels.label_lookahead"}
    lines = V2.splitlines()
    for problem in found.left_behind:
        assert problem.path.rpartition(".")[2] in lines[problem.line - 1]
        assert str(problem.line) in found.text  # the heading lists it
    gone = " ".join(found.changes)
    for harmless in ("output_activation", "include_price_context", "scale_features", "training.method", "enabled"):
        assert harmless in gone


def test_an_older_file_still_is_carried_as_far_as_it_goes():
    found = migrate(V1)
    assert found.problems == ()
    strategy = load_strategy(found.text)
    assert (strategy.symbols, strategy.timeframes, strategy.base_timeframe) == (("SPY", "QQQ"), ("4h", "1d"), "4h")
    assert list(strategy.indicators) == ["rsi_7", "rsi_14", "stochastic_14_3_3"]
    assert strategy.indicators["stochastic_14_3_3"].smooth_k == 3
    assert list(strategy.fuzzy_sets) == ["rsi_7", "rsi_14", "stochastic_14_3_3"]
    assert strategy.model.architecture.hidden_layers == (20, 10)
    assert strategy.training.lr_scheduler.type == "reduce_on_plateau"
    assert set(left_behind(found)) == {
        "fuzzy_sets.price_to_sma",
        "model.features.include_price_context",
        "model.training.early_stopping.monitor",
        "decisions.timeframe_weights",
        "orchestrator",
        "training.labels.label_lookahead",
        "training.fitness_metrics",
        "risk_management",
        "backtesting",
    }


SETS = [
    ("aroon_up_25", "{name: aroon, feature_id: a, period: 25}", "a.up"),
    ("AROON_25", "{name: Aroon, feature_id: a, period: 25}", "a"),
    ("MACD_signal_12_26_9", "{name: macd, feature_id: m}", "m.signal"),
    ("macd_hist", "{name: MACDIndicator, feature_id: m}", "m.histogram"),
    ("m_histogram", "{name: macd, feature_id: m}", "m.histogram"),
    ("bollingerbands_20_2.0", "{name: bbands, feature_id: b, period: 20}", "b"),
    ("williamsR", "{name: williams_r, feature_id: w}", "w"),
    ("rsi", "{type: RSI, feature_id: r}", "r"),
    ("any", "{name: rsi, feature_id: any thing}", None),
    ("rsi_21", "{name: rsi, feature_id: r, period: 14}", None),
]


@pytest.mark.parametrize(("key", "indicator", "expected"), SETS)
def test_a_set_reads_what_its_key_names_and_nothing_where_that_is_not_clear(key, indicator, expected):
    head, _, rest = V2.partition("indicators:\n")
    tail = rest.partition("model:\n")[2]
    text = f"{head}indicators:\n  - {indicator}\nfuzzy_sets:\n  {key}: {{low: [0, 1, 2]}}\nmodel:\n{tail}"
    found = migrate(text)
    sets = read_document(found.text).values["fuzzy_sets"]
    assert [entry["indicator"] for entry in sets.values()] == ([expected] if expected else [])
    assert (f"fuzzy_sets.{key}" in left_behind(found)) == (expected is None)


def test_a_set_that_may_read_several_indicators_is_left_behind_with_their_names():
    added = "  - {name: rsi, feature_id: fast, period: 5}\nfuzzy_sets:\n  rsi: {low: [0, 1, 2]}\n"
    found = migrated_with("fuzzy_sets:\n", added)
    assert left_behind(found)["fuzzy_sets.rsi"] == "it may read any of rsi_14, fast"


RATIO = "sma_20: {below: {type: triangular, parameters: [0.9, 0.95, 1.0]}}"


def average_text(feature_id: str, transform: str) -> str:
    head, _, rest = V2.partition("indicators:\n")
    entry = f"  - {{name: SimpleMovingAverage, {feature_id}period: 20, source: close}}\n"
    fuzzy_set = RATIO.replace("{below", f"{{{transform}below", 1)
    return f"{head}indicators:\n{entry}fuzzy_sets:\n  {fuzzy_set}\nmodel:\n{rest.partition('model:')[2][1:]}"


@pytest.mark.parametrize(
    ("feature_id", "transform"),
    [("feature_id: sma_20, ", "input_transform: {type: price_ratio, reference: close}, "), ("", "")],
)
def test_shares_of_an_average_are_read_as_the_distance_from_it_in_per_cent(feature_id, transform):
    found = migrate(average_text(feature_id, transform))
    values = read_document(found.text).values
    assert values["indicators"] == {"sma_20_distance": {"type": "distancefromma", "ma_type": "sma", "period": 20}}
    assert values["fuzzy_sets"] == {"sma_20": {"indicator": "sma_20_distance", "below": [-10, -5, 0]}}
    assert found.problems == ()


def test_sets_over_an_average_itself_stay_what_they_are():
    values = read_document(migrate(average_text("feature_id: sma_20, ", "")).text).values
    assert values["fuzzy_sets"]["sma_20"] == {"indicator": "sma_20", "below": [0.9, 0.95, 1.0]}


def test_a_set_with_a_transform_that_cannot_be_written_is_left_behind():
    old = "  bb_20:\n"
    found = migrated_with(old, f"{old}    input_transform: {{type: price_ratio, reference: close}}\n")
    assert "input_transform" in left_behind(found)["fuzzy_sets.bb_20"]
    assert "bb_20" not in read_document(found.text).values["fuzzy_sets"]


def test_the_timeframe_of_an_indicator_is_that_of_its_inputs():
    found = migrated_with("    feature_id: rsi_14\n", "    feature_id: rsi_14\n    timeframe: 1h\n")
    assert read_document(found.text).values["nn_inputs"][0] == {"fuzzy_set": "rsi_14", "timeframes": ["1h"]}


COSTS = "cost_model: {round_trip_cost: 0.003, min_edge_multiplier: 1.5}"


def test_costs_beside_classification_are_left_behind():
    for text in (V2.replace("decisions:\n", f"decisions:\n  {COSTS}\n"), VALID + f"decisions:\n  {COSTS}\n  x: 1\n"):
        found = migrate(text + "orchestrator: {}\n" if "zigzag" in text else text.replace('"3.0"', '"2.0"'))
        assert "returns" in left_behind(found)["decisions.cost_model"]
        assert found.problems == ()
        assert load_strategy(found.text).decisions.cost_model is None


def test_costs_beside_regression_are_carried():
    regression = f"decisions:\n  output_format: regression\n  {COSTS}\n"
    labels = ("{source: triple_barrier, pt_multiplier: 2.0}", "{source: forward_return, horizon: 5}")
    found = migrate((VALID + regression).replace('"3.0"', '"2.0"').replace(*labels))
    assert (found.problems, found.left_behind) == ((), ())
    assert load_strategy(found.text).decisions.cost_model.round_trip_cost == 0.003


@pytest.mark.parametrize(("value", "left"), [("true", True), ("false", False)])
def test_a_schedule_that_is_only_switched_on_or_off_is_none(value, left):
    found = migrated_with("    epochs: 50\n", f"    epochs: 50\n    lr_scheduler: {value}\n")
    assert found.problems == ()
    assert load_strategy(found.text).training.lr_scheduler == load_strategy(migrate(V2).text).training.lr_scheduler
    named = [problem for problem in found.left_behind if problem.path.endswith("lr_scheduler")]
    assert [problem.suggestion for problem in named] == (
        ["One of: none, step, exponential, reduce_on_plateau, cosine."] if left else []
    )


def test_raw_inputs_are_advised_only_where_they_were_wanted():
    off = migrate(V2)
    assert not [change for change in off.changes if "raw_indicator" in change]
    on = migrated_with("include_price_context: false", "include_price_context: true")
    (problem,) = [problem for problem in on.left_behind if problem.path.endswith("include_price_context")]
    assert "raw_indicator" in problem.suggestion


def test_early_stopping_that_was_off_is_off():
    found = migrated_with("{enabled: true, patience: 15", "{enabled: false, patience: 15")
    assert load_strategy(found.text).training.early_stopping is None


def test_a_key_without_a_counterpart_is_named_with_what_it_may_have_meant():
    found = migrated_with("    epochs: 50\n", "    epoch_s: 50\n")
    (problem,) = [problem for problem in found.left_behind if problem.path.endswith("epoch_s")]
    assert problem.suggestion == "Did you mean 'epochs'?"


def test_an_indicator_that_does_not_exist_is_left_behind_with_the_sets_that_read_it():
    found = migrated_with("name: BollingerBands", "name: Volatility")
    assert set(left_behind(found)) >= {"indicators.3", "fuzzy_sets.bb_20"}
    assert found.problems == ()


def test_zigzag_repaints_and_is_no_indicator():
    assert "repaints" in left_behind(migrated_with("name: BollingerBands", "name: ZigZag"))["indicators.3"]


def test_what_is_still_wrong_with_the_result_is_said():
    found = migrated_with("learning_rate: 0.002", "learning_rate: -1")
    assert [problem.path for problem in found.problems] == ["training.learning_rate"]


def test_a_file_with_a_mapping_and_older_keys_is_rewritten_too():
    found = migrate(changed("source: triple_barrier, pt_multiplier: 2.0", "source: zigzag, zigzag_threshold: 0.04"))
    assert found.problems == ()
    strategy = load_strategy(found.text)
    assert strategy.training.labels.threshold == 0.04
    assert strategy.nn_inputs == load_strategy(VALID).nn_inputs
    assert strategy.fuzzy_sets == load_strategy(VALID).fuzzy_sets


@pytest.mark.parametrize("text", [VALID, changed("epochs: 5", "epoch: 5"), changed("epochs: 5", "epochs: 0")])
def test_a_file_in_the_present_form_has_nothing_to_migrate(text):
    with pytest.raises(StrategyError, match="nothing to migrate"):
        migrate(text)


@pytest.mark.parametrize(
    "text", ["", "- a", "name: x", "name: !!python/name:os.system x", "indicators: 5", "a: [", V2 * 2]
)
def test_a_text_that_is_no_strategy_is_refused(text):
    with pytest.raises(StrategyError):
        migrate(text)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False), st.text(max_size=40)
)
KEYS = st.sampled_from(
    [
        "name",
        "type",
        "feature_id",
        "period",
        "indicator",
        "source",
        "enabled",
        "labels",
        "symbols",
        "list",
        "mode",
        "x.y",
    ]
)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=8), inner, max_size=5)
)


def places_in(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places_in(inner, (*path, key))


WHAT_MAKES_IT_OLDER = ((), ("indicators",))
OLDER = [read_document(text).values for text in (V1, V2)]
PLACES = [
    (at, path) for at, values in enumerate(OLDER) for path in places_in(values) if path not in ((), ("indicators",))
]


@settings(deadline=None, max_examples=15)
@given(st.sampled_from(PLACES), TREES)
def test_whatever_stands_in_a_file_the_result_is_a_file_that_can_be_read(place, value):
    at, path = place
    values = inner = copy.deepcopy(OLDER[at])
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    found = migrate(written(values, []))
    assert read_document(found.text).values["version"] == "3.0"
    assert found.problems == validate_strategy(read_document(found.text)).problems


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(KEYS | st.text(max_size=30), TREES, min_size=1, max_size=4), st.lists(st.text(max_size=200)))
def test_what_is_written_reads_back_as_it_was_below_any_heading(values, heading):
    values = {key: value for key, value in values.items() if is_writable_text(str(key))}
    assert read_document(written({"first": 1, **values}, heading)).values == {"first": 1, **values}


def is_writable_text(text: str) -> bool:
    return all(character in string.printable or character.isprintable() for character in text)


@given(st.text(), st.sets(st.text()))
def test_a_legal_name_is_legal_and_new(text, taken):
    name = legal_name(text, taken)
    assert re.fullmatch(NAME, name)
    assert name not in taken
