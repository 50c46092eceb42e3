from __future__ import annotations

import pytest

from ktrdr.strategy import load_strategy, notes, validate_strategy
from tests.ktrdr.strategy.texts import VALID, changed, only_problem, problems_after


def test_a_set_over_an_unknown_indicator_is_an_error_with_the_nearest():
    found = only_problem("indicator: rsi_14", "indicator: rsi_41")
    assert (found.path, found.line, found.column) == ("fuzzy_sets.momentum.indicator", 12, 16)
    assert str(found).endswith("there is no indicator 'rsi_41'. Did you mean 'rsi_14'?")


def test_a_set_over_an_unknown_output_is_an_error_with_the_nearest():
    found = only_problem("macd.histogram", "macd.histogramm")
    assert found.message == "the indicator 'macd' has no output 'histogramm'"
    assert found.suggestion == "Did you mean 'histogram'?"


def test_an_output_far_from_all_comes_with_those_there_are():
    assert (
        only_problem("macd.histogram", "macd.x").suggestion
        == "Known in the outputs of 'macd': line, signal, histogram."
    )


def test_a_dot_without_an_output_names_none():
    assert "no output ''" in only_problem("macd.histogram", "macd.").message


def test_an_input_of_an_unknown_set_is_an_error_with_the_nearest():
    found = only_problem("fuzzy_set: momentum", "fuzzy_set: momentm")
    assert (found.path, found.line, found.column) == ("nn_inputs.0.fuzzy_set", 20, 17)
    assert found.suggestion == "Did you mean 'momentum'?"


def test_an_input_on_a_timeframe_that_is_not_trained_on_is_an_error():
    found = only_problem("timeframes: [1d]", "timeframes: [1h]")
    assert (found.path, found.line, found.column) == ("nn_inputs.1.timeframes.0", 22, 18)


def test_the_same_feature_twice_is_an_error():
    found = only_problem("fuzzy_set: direction", "fuzzy_set: momentum")
    assert (found.path, found.line) == ("nn_inputs.1", 21)
    assert found.message == "'momentum' on 1d is an input already (nn_inputs.0)"
    assert only_problem("timeframes: [1d]", "timeframes: [1d, 1d]").message == "the timeframe '1d' is listed twice"


def test_what_is_listed_twice_is_named_at_its_list():
    symbols = only_problem("mode: single, symbol: SP500", "mode: multi_symbol, list: [A, B, A]")
    assert (symbols.path, symbols.line, symbols.column) == ("training_data.symbols.list", 4, 33)
    assert symbols.message == "the symbol 'A' is listed twice"
    timeframes = only_problem("mode: single, timeframe: 1d", "mode: multi_timeframe, list: [1w, 1d, 1w]")
    assert timeframes.message == "the timeframe '1w' is listed twice"


@pytest.mark.parametrize("reference", ["rsi.14", "rsi.14.value"])
def test_an_id_that_is_refused_is_not_missing_as_well(reference):
    text = changed("  rsi_14:", "  rsi.14:").replace("indicator: rsi_14", f"indicator: {reference}")
    (found,) = validate_strategy(text).problems
    assert (found.path, found.line, found.column) == ("indicators.rsi.14", 8, 3)
    assert "'rsi.14' is not a name" in found.message


def test_two_sets_whose_terms_make_one_feature_name_are_an_error():
    text = (
        VALID.replace("  direction:", "  momentum_low:")
        .replace("    down:", "    x:")
        .replace("set: direction", "set: momentum_low")
    )
    text = text.replace("    low:", "    low_x:")
    (found,) = validate_strategy(text).problems
    assert found.path == "nn_inputs"
    assert "'1d_momentum_low_x'" in found.message


def test_a_network_that_is_too_large_with_its_features_is_an_error():
    # 1 -> 45 million -> 1 would do; with 4 features and 3 classes there are 360 million weights
    found = only_problem("[8, 4]", "[45_000_000]".replace("_", ""))
    assert found.path == "model.architecture"
    assert "360,000,003 parameters" in found.message


def test_one_misspelled_section_is_one_problem():
    assert only_problem("fuzzy_sets:", "fuzzy_stes:").suggestion == "Did you mean 'fuzzy_sets'?"
    assert only_problem("indicators:", "indicatros:").suggestion == "Did you mean 'indicators'?"


def test_designs_are_judged_beside_other_faults():
    text = changed("epochs: 5", "epochs: x").replace("[8, 4]", "[45000000]").replace("set: direction", "set: momentum")
    assert [problem.path for problem in validate_strategy(text).problems] == [
        "nn_inputs.1",
        "model.architecture",
        "training.epochs",
    ]


def test_inputs_with_an_unknown_name_are_not_repeated_ones_as_well():
    text = changed("fuzzy_set: momentum", "fuzzy_set: nothing").replace("fuzzy_set: direction", "fuzzy_set: nothing")
    assert [problem.path for problem in validate_strategy(text).problems] == [
        "nn_inputs.0.fuzzy_set",
        "nn_inputs.1.fuzzy_set",
    ]


def test_names_are_judged_beside_other_faults():
    text = changed("epochs: 5", "epochs: x").replace("macd.histogram", "mcad")
    assert [problem.path for problem in validate_strategy(text).problems] == [
        "fuzzy_sets.direction.indicator",
        "training.epochs",
    ]


def test_what_no_input_uses_is_a_note():
    without = VALID.replace("  - {fuzzy_set: momentum}\n", "")
    expected = ("The indicator 'rsi_14' is used by no input.", "The fuzzy set 'momentum' is used by no input.")
    assert notes(load_strategy(without)) == expected
    assert validate_strategy(without).notes == expected
    assert notes(load_strategy(VALID)) == ()


def test_faults_of_an_indicator_do_not_hide_those_of_its_set():
    paths = {problem.path for problem in problems_after("indicator: rsi_14", "indicator: rsi_41.value")}
    assert paths == {"fuzzy_sets.momentum.indicator"}
