from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktrdr.errors import RequestError
from ktrdr.strategy import read_document, validate_strategy
from ktrdr.strategy.names import NAME
from ktrdr.strategy.starter import KINDS, starter


def strategy_of(kind):
    found = validate_strategy(read_document(starter("mine", kind)))
    assert (found.problems, found.notes) == ((), ())
    return found.strategy


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_loads_without_a_problem_or_a_note_and_is_explained(kind):
    assert strategy_of(kind).name == "mine"
    text = starter("mine", kind)
    for section in ("training_data", "indicators", "fuzzy_sets", "nn_inputs"):
        before = text[: text.index(f"\n{section}:")].splitlines()
        assert before[-1].startswith("#"), f"{section} has no comment"


def test_each_kind_is_what_it_is_called():
    assert strategy_of("basic").model.type == "mlp"
    assert strategy_of("multi_timeframe").timeframes == ("1d", "1w")
    assert strategy_of("regression").training.labels.is_regression
    assert strategy_of("lstm").model.sequence_length == 20
    assert len({strategy_of(kind).sha256 for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "../a", "a.yaml", "a\n", "ä", "a" * 65])
def test_a_name_that_no_strategy_may_have_is_refused(name):
    with pytest.raises(RequestError) as caught:
        starter(name)
    assert caught.value.path == "name"


def test_a_kind_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(RequestError) as caught:
        starter("mine", "lstn")
    assert (caught.value.path, caught.value.suggestion) == ("template", "Did you mean 'lstm'?")


@settings(max_examples=50, deadline=None)
@given(st.from_regex(NAME, fullmatch=True) | st.sampled_from(["1", "null", "true", "1e5", "0x1F", "2000-01-01", "010"]))
def test_a_name_reads_back_as_it_was_even_if_it_looks_like_a_number(name):
    assert read_document(starter(name)).values["name"] == name
