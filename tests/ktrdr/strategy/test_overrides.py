from __future__ import annotations

import pytest

from ktrdr.errors import Problem, StrategyError
from ktrdr.strategy import load_strategy
from tests.ktrdr.strategy.texts import VALID, changed


def refused(overrides, text=VALID):
    with pytest.raises(StrategyError) as caught:
        load_strategy(text, overrides)
    return caught.value.problems


def test_an_override_replaces_the_files_value():
    strategy = load_strategy(
        VALID, {"training.epochs": 9, "indicators.rsi_14.period": 21, "nn_inputs.1.timeframes": "all"}
    )
    assert (strategy.training.epochs, strategy.indicators["rsi_14"].period, strategy.nn_inputs[1].timeframes) == (
        9,
        21,
        "all",
    )


def test_an_override_may_make_what_the_file_has_not():
    strategy = load_strategy(VALID, {"training.early_stopping.patience": 3})
    assert strategy.training.early_stopping.patience == 3


def test_a_mistyped_path_is_the_error_of_a_mistyped_key_without_a_line():
    assert refused({"training.epoch": 9}) == (
        Problem("training.epoch", "unknown key 'epoch'", "Did you mean 'epochs'?"),
    )
    assert refused({"trainng.epochs": 9})[0] == Problem("trainng", "unknown key 'trainng'", "Did you mean 'training'?")


def test_a_wrong_value_is_judged_like_the_files_without_its_line():
    assert refused({"training.epochs": "9"}) == (Problem("training.epochs", "expected a whole number, got '9' (text)"),)


@pytest.mark.parametrize("path", ["training.epochs.x", "nn_inputs.7.fuzzy_set", "nn_inputs.x", "nn_inputs.-1"])
def test_a_path_that_leads_nowhere_is_refused(path):
    assert refused({path: 1})[0] == Problem(path, "there is nothing that can be set at this path")


def test_values_that_are_not_plain_are_refused():
    assert refused({"description": object()})[0].path == "description"


def test_an_older_spelling_overrides_the_present_one_and_the_other_way_round():
    strategy = load_strategy(VALID, {"training.labels.profit_target_atr": 4.0, "model.training.seed": 5})
    assert (strategy.training.labels.pt_multiplier, strategy.training.seed) == (4.0, 5)
    older = changed("pt_multiplier", "profit_target_atr")
    assert load_strategy(older, {"training.labels.pt_multiplier": 4.0}).training.labels.pt_multiplier == 4.0


def test_the_document_that_was_given_is_not_changed():
    document = load_strategy(VALID).document()
    load_strategy(document, {"training.epochs": 9})
    assert document["training"]["epochs"] == 5


@pytest.mark.parametrize("in_file", ["early_stopping: {patience: 3}", "early_stopping:", "epochs: 5"])
def test_null_removes_a_key_whether_or_not_it_is_there(in_file):
    strategy = load_strategy(changed("epochs: 5", in_file), {"training.early_stopping": None})
    assert strategy.training.early_stopping is None
    assert "early_stopping" not in strategy.document()["training"]


def test_null_does_not_make_what_it_would_remove_something_from():
    assert load_strategy(VALID, {"training.early_stopping.patience": None}) == load_strategy(VALID)


def test_null_does_not_remove_an_item_of_a_list():
    assert refused({"nn_inputs.1": None}) == (
        Problem(
            "nn_inputs.1", "an item of a list cannot be removed by itself", "Put the whole list in place of the file's."
        ),
    )
    assert len(load_strategy(VALID, {"nn_inputs": [{"fuzzy_set": "momentum"}]}).nn_inputs) == 1


@pytest.mark.parametrize("overrides", [[1], 5, "training.epochs=5"])
def test_overrides_that_are_no_mapping_are_refused_in_plain_words(overrides):
    (found,) = refused(overrides)
    assert (found.path, found.message.startswith("expected a mapping of dotted paths to values")) == ("overrides", True)


@pytest.mark.parametrize(
    ("path", "at"),
    [
        ("training.early_stoping", "training.early_stoping"),
        ("trainng.epochs", "trainng"),
        ("indicators.rsi_41", "indicators.rsi_41"),
        ("training.labels", "training.labels"),
        ("training.epochs.x", "training.epochs.x"),
    ],
)
def test_null_at_a_path_that_is_none_or_must_be_there_is_refused(path, at):
    assert refused({path: None})[0].path == at
