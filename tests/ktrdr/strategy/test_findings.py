"""Typical mistakes: the path, the line, the column and what to do, exactly."""

from __future__ import annotations

import pytest

from ktrdr.declaration.kinds import fields_at
from ktrdr.errors import Problem
from ktrdr.strategy import load_strategy, validate_strategy
from ktrdr.strategy.schema import Strategy
from tests.ktrdr.strategy.texts import VALID, changed, only_problem, problems_after

UNKNOWN_NAMES = [
    ("name: example", "naem: example", (1, 1), "naem", "Did you mean 'name'?"),
    ("period: 14", "perod: 14", (8, 23), "indicators.rsi_14.perod", "Did you mean 'period'?"),
    ("type: rsi", "type: rsii", (8, 18), "indicators.rsi_14.type", "Did you mean 'rsi'?"),
    ("type: rsi,", "typ: rsi,", (8, 12), "indicators.rsi_14.typ", "Did you mean 'type'?"),
    ("epochs: 5", "epoch: 5", (29, 3), "training.epoch", "Did you mean 'epochs'?"),
    ("optimizer: adam", "optimizer: Adam", (30, 14), "training.optimizer", "Did you mean 'adam'?"),
    (
        "source: triple_barrier",
        "source: tripple_barrier",
        (27, 20),
        "training.labels.source",
        "Did you mean 'triple_barrier'?",
    ),
    ("pt_multiplier", "pt_multiplyer", (27, 36), "training.labels.pt_multiplyer", "Did you mean 'pt_multiplier'?"),
    ("mode: single, symbol:", "mode: singel, symbol:", (4, 19), "training_data.symbols.mode", "Did you mean 'single'?"),
    ("timeframe: 1d}", "timeframe: 1dd}", (5, 41), "training_data.timeframes.timeframe", "Did you mean '1d'?"),
    ("activation: relu", "activation: reluu", (25, 53), "model.architecture.activation", "Did you mean 'relu'?"),
    ("training:\n", "traning:\n", (26, 1), "traning", "Did you mean 'training'?"),
    (
        "low: [-.inf, -.inf, 30, 50]",
        "low: {type: gausian, parameters: [1, 2]}",
        (13, 17),
        "fuzzy_sets.momentum.low.type",
        "Did you mean 'gaussian'?",
    ),
    ("timeframes: [1d]", "timeframes: al", (22, 17), "nn_inputs.1.timeframes", "Did you mean 'all'?"),
    ('version: "3.0"', "version: 3.0", (2, 10), "version", "Put it in quotes: '3.0'."),
]


@pytest.mark.parametrize(("old", "new", "place", "path", "suggestion"), UNKNOWN_NAMES)
def test_a_misspelling_is_found_where_it_stands_with_the_nearest_spelling(old, new, place, path, suggestion):
    found = only_problem(old, new)
    assert (found.path, (found.line, found.column), found.suggestion) == (path, place, suggestion)


WRONG_VALUES = [
    ("epochs: 5", "epochs: '5'", (29, 11), "training.epochs", "expected a whole number, got '5' (text)"),
    ("epochs: 5", "epochs: 5.5", (29, 11), "training.epochs", "expected a whole number, got 5.5"),
    ("epochs: 5", "epochs: true", (29, 11), "training.epochs", "expected a whole number, got true"),
    ("epochs: 5", "epochs:", (29, 3), "training.epochs", "expected a whole number, got nothing"),
    ("epochs: 5", "epochs: 0", (29, 11), "training.epochs", "must be at least 1, got 0"),
    ("epochs: 5", "learning_rate: .nan", (29, 18), "training.learning_rate", "expected a finite number, got nan"),
    ("epochs: 5", "learning_rate: 0", (29, 18), "training.learning_rate", "must be greater than 0, got 0"),
    ("dropout: 0.1", "dropout: 1", (25, 68), "model.architecture.dropout", "must be less than 1, got 1"),
    (
        "[8, 4]",
        "[8, four]",
        (25, 37),
        "model.architecture.hidden_layers.1",
        "expected a whole number, got 'four' (text)",
    ),
    ("[8, 4]", "8", (25, 33), "model.architecture.hidden_layers", "expected a list, got 8"),
    ("macd: {type: macd}", "macd: macd", (9, 9), "indicators.macd", "expected a mapping, got 'macd' (text)"),
    (
        "start: 2000-01-01",
        "start: 2000-02-30",
        (6, 23),
        "training_data.date_range.start",
        "'2000-02-30' is not a date: write YYYY-MM-DD",
    ),
    (
        "start: 2000-01-01",
        "start: 2019-01-01",
        (6, 3),
        "training_data.date_range",
        "start 2019-01-01 is after end 2018-12-31",
    ),
    (
        "test: 0.15",
        "test: 0.2",
        (28, 3),
        "training.data_split",
        "train + validation + test is 1.05; the shares must sum to 1",
    ),
]


@pytest.mark.parametrize(("old", "new", "place", "path", "message"), WRONG_VALUES)
def test_a_wrong_value_is_found_where_it_stands_in_plain_words(old, new, place, path, message):
    found = only_problem(old, new)
    assert (found.path, (found.line, found.column), found.message) == (path, place, message)


def test_a_missing_key_is_reported_at_what_should_hold_it():
    assert problems_after("mode: single, symbol: SP500", "mode: single") == (
        Problem("training_data.symbols.symbol", "missing key 'symbol'", None, 4, 3),
    )


def test_a_missing_type_comes_with_the_types_there_are():
    found = only_problem("source: triple_barrier, ", "")
    assert (found.path, found.message, found.line) == ("training.labels.source", "missing key 'source'", 27)
    assert found.suggestion == "One of: zigzag, triple_barrier, forward_return, context, regime."


def test_an_unknown_key_without_a_near_one_comes_with_the_keys_there_are():
    found = only_problem("macd: {type: macd}", "macd: {type: macd, wibble: 3}")
    assert found.suggestion == "Known here: data_source, type, fast_period, slow_period, signal_period, source."


def test_a_key_of_another_family_member_is_unknown():
    found = only_problem("pt_multiplier: 2.0", "micro_atr_mult: 0.1")
    assert (found.path, found.message) == ("training.labels.micro_atr_mult", "unknown key 'micro_atr_mult'")
    assert "max_holding_period" in found.suggestion


def test_a_sets_misspelled_indicator_is_not_taken_for_a_term_in_silence():
    found = only_problem("indicator: rsi_14", "indicater: rsi_14")
    assert (found.path, found.line, found.column) == ("fuzzy_sets.momentum.indicater", 12, 5)
    assert found.suggestion == "Did you mean 'indicator'?"


@pytest.mark.parametrize(
    ("start", "end", "advice"),
    [("training:", None, "It needs: labels."), ("model:", "training:", "It needs: type.")],
)
def test_a_missing_section_is_not_taken_for_another_and_says_what_every_form_of_it_needs(start, end, advice):
    # "training" is near to "training_data", which is a section of its own
    before, after = VALID.split(f"{start}\n")
    (found,) = validate_strategy(before + (VALID[VALID.index(f"{end}\n") :] if end else "")).problems
    assert after
    assert (found.path, found.suggestion) == (start.removesuffix(":"), advice)


def test_missing_labels_say_what_every_labeler_needs():
    found = only_problem("  labels: {source: triple_barrier, pt_multiplier: 2.0}\n", "")
    assert (found.path, found.suggestion) == ("training.labels", "It needs: source.")


MLP_LINES = "  type: mlp\n  architecture: {hidden_layers: [8, 4], activation: relu, dropout: 0.1}"
OF_ANOTHER_KIND = [
    ("type: rsi, period: 14", "type: atr, source: close", "atr has none. Known here: data_source, type, period."),
    (
        "activation: relu",
        "sequence_length: 9",
        "It is a key of lstm, gru. Known here: hidden_layers, activation, dropout.",
    ),
    (
        MLP_LINES,
        "  type: lstm\n  architecture: {hidden_layers: [8]}",
        "It is a key of mlp. Needed here: sequence_length.",
    ),
    ("single, symbol: SP500", "single, list: [A]", "It is a key of multi_symbol. Needed here: symbol."),
    ("mode: single, symbol: SP500", "mode: multi_symbol, symbol: A", "It is a key of single. Needed here: list."),
    (
        "timeframe: 1d}",
        "timeframe: 1d, base_timeframe: 1d}",
        "It is a key of multi_timeframe. Known here: mode, timeframe.",
    ),
    (
        "epochs: 5",
        "lr_scheduler: {type: cosine, gamma: 0.5}",
        "It is a key of step, exponential. Known here: type, eta_min.",
    ),
    (
        "source: triple_barrier",
        "source: zigzag",
        "It is a key of triple_barrier. Known here: source, cusum_threshold, threshold.",
    ),
    # what a config of a TA-Lib function has inside is no key of one
    ("period: 14", "parameters: {}", "Known here: data_source, type, period, source."),
]


@pytest.mark.parametrize(("old", "new", "advice"), OF_ANOTHER_KIND)
def test_a_key_of_another_kind_is_one_problem_that_names_the_kind(old, new, advice):
    found = only_problem(old, new)
    assert found.message.startswith("unknown key '")
    assert found.suggestion == advice


def test_a_key_that_begins_like_one_known_key_is_that_one_misspelled():
    found = only_problem("validation: 0.15", "val: 0.15")
    assert (found.path, found.line, found.column) == ("training.data_split.val", 28, 28)
    assert found.suggestion == "Did you mean 'validation'?"


def test_a_bad_name_is_one_problem_whatever_it_holds():
    found = only_problem("down: [-.inf, -.inf, -2, 0]", "down x: 30")
    assert (found.path, found.line, found.column) == ("fuzzy_sets.direction.down x", 17, 5)
    named, _ = problems_after("macd: {type: macd}", "my macd: macd")  # the set still reads macd
    assert (named.path, named.line, named.column) == ("indicators.my macd", 9, 3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("optimizer: adam", "optimizer: [adam]", "expected one value, got a list"),
        ("{type: macd}", "{type: [macd]}", "expected one type, got a list"),
        ("optimizer: adam", "optimizer: true", "unknown value true"),
    ],
)
def test_a_list_in_place_of_a_word_is_told_in_plain_words(old, new, message):
    assert only_problem(old, new).message == message


def test_a_name_that_is_none_is_reported_at_its_key():
    found = problems_after("  macd: {type: macd}", "  my macd: {type: macd}")
    assert (found[0].path, found[0].line, found[0].column) == ("indicators.my macd", 9, 3)


def test_everything_that_is_wrong_is_found_at_once_in_the_files_order():
    text = (
        changed("name: example", "name: 'an example'")
        .replace("symbol: SP500", "symbl: SP500")
        .replace("indicator: rsi_14", "indicator: rsi_41")
        .replace("macd.histogram", "macd.histo")
        .replace("fuzzy_set: momentum", "fuzzy_set: momentun")
        .replace("epochs: 5", "epochs: many")
    )
    found = validate_strategy(text).problems
    assert [(problem.line, problem.path) for problem in found] == [
        (1, "name"),
        (4, "training_data.symbols.symbl"),
        (12, "fuzzy_sets.momentum.indicator"),
        (16, "fuzzy_sets.direction.indicator"),
        (20, "nn_inputs.0.fuzzy_set"),
        (29, "training.epochs"),
    ]


def test_values_from_json_have_paths_and_no_lines():
    document = load_strategy(VALID).document()
    document["training"]["epochs"] = "5"
    (found,) = validate_strategy(document).problems
    assert found == Problem("training.epochs", "expected a whole number, got '5' (text)")


BELONGING = [
    ("focal_gamma: 2.0", "focal_gamma has no effect with loss cross_entropy: remove it or use focal"),
    ("huber_delta: 0.1", "huber_delta has no effect with loss cross_entropy: remove it or use huber"),
    ("loss: mse", "loss mse does not judge classes, which the labels are: use cross_entropy or focal"),
    ("lr_scheduler: {type: cosine, eta_min: 1}", "eta_min 1 is above learning_rate 0.001"),
    ("batch_size: automatic", "unknown value 'automatic'"),
]


@pytest.mark.parametrize(("key", "message"), BELONGING)
def test_a_key_that_another_setting_leaves_without_effect_says_so(key, message):
    assert only_problem("epochs: 5", key).message == message


def test_very_many_problems_are_counted_and_not_all_listed():
    found = validate_strategy(VALID + "".join(f"key_{i}: 1\n" for i in range(1000))).problems
    assert len(found) == 201
    assert found[0].message == "800 more problems are not listed"


def test_momentum_without_sgd_is_an_error_at_its_key_that_says_so():
    found = only_problem("epochs: 5", "momentum: 0.5")
    assert "momentum has no effect with optimizer adam" in found.message
    assert (found.path, found.line, found.column) == ("training.momentum", 29, 3)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("{fuzzy_set: momentum}", "{fuzy_set: momentum}", "nn_inputs.0.fuzy_set"),
        ("timeframes: [1d]", "timeframes: [1x]", "nn_inputs.1.timeframes.0"),
        ("mode: single, symbol: SP500", "mode: multi_symbol, list: ['a b']", "training_data.symbols.list.0"),
        ("mode: single, symbol: SP500", "mode: multi_symbol, list: []", "training_data.symbols.list"),
    ],
)
def test_a_faulty_item_is_one_problem_and_a_list_that_is_empty_another(old, new, path):
    assert only_problem(old, new).path == path


def test_what_keys_say_together_is_judged_beside_faults_of_their_siblings():
    text = (
        changed("end: 2018-12-31", "end: 1999-01-01")
        .replace("  date_range:", "  history_required: -1\n  date_range:")
        .replace("{type: macd}", "{type: macd, fast_period: 30, source: cloes}")
        .replace("pt_multiplier: 2.0", "pt_multiplier: -1, vol_method: close, vol_span: 1")
        .replace("test: 0.15}", "test: 0.2, embargo_bars: -1}")
        .replace("epochs: 5", "epochs: many\n  momentum: 0.5")
        .replace("dropout: 0.1", "dropout: 2")
        .replace("[8, 4]", "[60000000]")
    )
    assert [problem.path for problem in validate_strategy(text).problems] == [
        "training_data.history_required",
        "training_data.date_range",
        "indicators.macd",
        "indicators.macd.source",
        "model",
        "model.architecture.dropout",
        "training.labels",
        "training.labels.pt_multiplier",
        "training.data_split",
        "training.data_split.embargo_bars",
        "training.epochs",
        "training.momentum",
    ]


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("{type: macd}", "{type: macd, fast_period: x, slow_period: 10}", "indicators.macd.fast_period"),
        ("{type: macd}", "{type: macd, fast_perod: 5, slow_period: 10}", "indicators.macd.fast_perod"),
        ("optimizer: adam", "momentum: 0.5\n  optimizer: SGD", "training.optimizer"),
        ("train: 0.7", "train: lots", "training.data_split.train"),
        ("[8, 4], activation: relu", "[-8], activation: relu", "model.architecture.hidden_layers.0"),
    ],
)
def test_a_faulty_key_is_not_found_in_conflict_with_its_siblings_as_well(old, new, path):
    assert only_problem(old, new).path == path


def test_a_conflict_in_a_list_keeps_its_position_where_items_before_it_are_faulty():
    text = changed("{fuzzy_set: momentum}", "{timeframes: all}").replace("[1d]", "[1d, 1d]\n    wibble: 1")
    assert [problem.path for problem in validate_strategy(text).problems] == [
        "nn_inputs.0",
        "nn_inputs.1.timeframes",
        "nn_inputs.1.wibble",
    ]


@pytest.mark.parametrize(
    ("old", "new", "path", "advice"),
    [
        ("epochs: 5", "early_stopping:", "training.early_stopping", "Remove the key or give its values."),
        ("epochs: 5", "gradient_clip:", "training.gradient_clip", "Remove the key or give its value."),
        ("epochs: 5", "epochs:", "training.epochs", "Remove the key or give its value."),
        ("start: 2000-01-01", "start: ~", "training_data.date_range.start", "Remove the key or give its value."),
        ("{type: macd}", "", "indicators.macd", "Remove the key or give its values."),
        ("{train: 0.7, validation: 0.15, test: 0.15}", "", "training.data_split", "Remove the key or give its values."),
        ("{mode: single, timeframe: 1d}", "", "training_data.timeframes", "Give its values."),
    ],
)
def test_a_key_without_a_value_is_not_the_same_as_no_key(old, new, path, advice):
    found = only_problem(old, new)
    assert (found.path, found.suggestion) == (path, advice)


@pytest.mark.parametrize("version", ['"2.0"', "2.0", '"2.1"', "1", "4"])
def test_another_version_is_refused_without_a_guess(version):
    found = only_problem('"3.0"', version)
    assert found.path == "version"
    assert "is not read, only 3.0" in found.message
    assert "Did you mean" not in str(found)
    assert ("ktrdr strategies migrate" in str(found)) == (version != "4")


def test_zigzag_is_refused_as_an_indicator_with_the_reason():
    found = only_problem("type: rsi", "type: zigzag")
    assert (found.path, found.line, found.column) == ("indicators.rsi_14.type", 8, 18)
    assert "repaints: its last leg changes when later bars come" in found.message
    assert "label source" in found.suggestion


def test_shares_that_almost_sum_to_1_are_printed_with_the_digits_that_tell():
    assert "is 1.00000001;" in only_problem("test: 0.15}", "test: 0.15000001}").message


def test_fields_are_those_of_the_tagged_member_even_where_an_id_is_anothers_tag():
    assert "fast_period" in fields_at(Strategy, ("indicators", "rsi", "macd"))
    assert "fast_period" not in fields_at(Strategy, ("indicators", "macd", "rsi"))
