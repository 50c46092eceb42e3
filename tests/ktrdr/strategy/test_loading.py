from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktrdr.errors import StrategyError
from ktrdr.strategy import Strategy, load_strategy, read_document, validate_strategy
from tests.ktrdr.strategy.older import V1, V2
from tests.ktrdr.strategy.texts import VALID, changed


def test_a_text_a_path_and_values_give_the_same_strategy(tmp_path):
    path = tmp_path / "example.yaml"
    path.write_text(VALID)
    expected = load_strategy(VALID)
    assert load_strategy(path) == load_strategy(str(path)) == load_strategy(read_document(VALID)) == expected
    assert load_strategy(expected.document()) == expected


def test_the_features_are_the_terms_in_the_order_of_the_inputs():
    assert load_strategy(VALID).features == (
        "1d_momentum_low",
        "1d_momentum_high",
        "1d_direction_down",
        "1d_direction_up",
    )


def test_a_document_survives_json():
    strategy = load_strategy(VALID)
    again = load_strategy(json.loads(json.dumps(strategy.document(), allow_nan=False)))
    assert again == strategy
    assert again.sha256 == strategy.sha256
    assert again.document() == strategy.document()


def test_the_hash_ignores_comments_and_descriptions_and_sees_values():
    strategy = load_strategy(VALID)
    assert load_strategy("# a comment\n" + VALID + "description: of a kind\n").sha256 == strategy.sha256
    assert load_strategy(VALID + "  batch_size: 64\n").sha256 == strategy.sha256
    assert load_strategy(VALID, {"training.epochs": 6}).sha256 != strategy.sha256


def test_the_hash_ignores_content_without_effect():
    text = VALID + "decisions: {filters: [1], position_awareness: true}\nscope: {a: 1}\ndeployment: x\nhypothesis: y\n"
    assert load_strategy(text).sha256 == load_strategy(VALID).sha256
    assert load_strategy(VALID + "decisions: {confidence_threshold: 0.1}\n").sha256 != load_strategy(VALID).sha256


def test_numbers_of_numpy_are_plain_numbers():
    document = load_strategy(VALID).document()
    document["training"] |= {"epochs": np.int64(7), "learning_rate": np.float32(0.5)}
    overrides = {"training.batch_size": np.int32(32), "training.weight_decay": np.float64(3)}
    training = load_strategy(document, overrides).training
    numbers = (training.epochs, training.learning_rate, training.batch_size, training.weight_decay)
    assert numbers == (7, 0.5, 32, 3.0)
    assert [type(number) for number in numbers] == [int, float, int, float]
    assert validate_strategy(VALID, {"training.epochs": np.timedelta64(3, "s")}).problems[0].path == "training.epochs"
    assert "expected a whole number" in str(validate_strategy(VALID, {"training.epochs": np.True_}).problems[0])


def test_content_without_effect_is_kept():
    text = VALID + "scope: {symbols: [a, 1, null], note: free}\ndecisions: {filters: [1.5]}\n"
    assert load_strategy(text).document()["scope"] == {"symbols": ["a", 1, None], "note": "free"}
    assert "must be finite" in validate_strategy(VALID + "scope: {a: [.nan]}\n").problems[0].message


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    path = tmp_path / "windows.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + VALID.replace("\n", "\r\n").encode())
    assert load_strategy(path) == load_strategy(VALID)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"\xff\xfe\x00", "is not a UTF-8 text"),
        (b"a" * 300_000, "larger than 256 KiB"),
    ],
)
def test_a_file_that_is_no_strategy_is_an_error_that_names_it(tmp_path, content, message):
    path = tmp_path / "some.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StrategyError, match=message) as caught:
        load_strategy(str(path))
    assert caught.value.source == str(path)


@pytest.mark.parametrize("source", ["nowhere.yaml", "", "a" * 5000, "nul\x00", "."])
def test_a_text_that_is_no_path_is_an_error(source):
    with pytest.raises(StrategyError):
        load_strategy(source)


@pytest.mark.parametrize("source", [None, b"", b"name: x\n", [], 5])
def test_what_is_neither_a_path_nor_a_text_nor_a_mapping_is_refused_in_plain_words(source):
    with pytest.raises(StrategyError, match="a strategy is a path, a text or a mapping, got"):
        load_strategy(source)
    assert not validate_strategy(source).valid


def test_an_empty_text_is_an_empty_file_and_no_folder():
    with pytest.raises(StrategyError, match="the file is empty"):
        load_strategy("")


@pytest.mark.parametrize(("text", "line"), [(V2, 4), (V1, 2), (V2.replace('version: "2.0"\n', ""), 17)])
def test_a_file_of_an_older_form_is_one_problem_that_leads_to_migrate(tmp_path, text, line):
    (found,) = validate_strategy(text).problems
    assert (found.line, found.suggestion) == (line, "`ktrdr strategies migrate` rewrites the file.")
    path = tmp_path / "an older one.yaml"
    path.write_text(text)
    (found,) = validate_strategy(path).problems
    assert found.suggestion == f"`ktrdr strategies migrate '{path}'` rewrites the file."


def test_the_error_survives_pickling_and_reads_as_a_list():
    with pytest.raises(StrategyError) as caught:
        load_strategy(changed("epochs: 5", "epoch: 5"))
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.problems == caught.value.problems
    assert (
        str(again)
        == "strategy: 1 problem\n  line 29, column 3: training.epoch: unknown key 'epoch'. Did you mean 'epochs'?"
    )


def test_validation_never_raises_and_carries_the_strategy_when_there_is_one():
    found = validate_strategy(VALID)
    assert (found.valid, found.problems, found.notes) == (True, (), ())
    assert found.strategy == load_strategy(VALID)
    assert not validate_strategy("nowhere.yaml").valid
    assert validate_strategy("a: [").strategy is None


JARGON = (
    "Input should",
    "alidation error",
    "pydantic",
    "Traceback",
    "recursion",
    "digits (",
    "NoneType",
    "dict",
    "discriminator",
    "object at 0x",
)


def judged(source: Any, overrides: dict[str, Any] | None = None) -> None:
    """Whatever comes in, out comes a strategy or a `StrategyError` whose words are ours."""
    try:
        strategy = load_strategy(source, overrides)
    except StrategyError as error:
        assert error.problems
        assert not [word for problem in error.problems for word in JARGON if word in problem.message]
        str(error).encode()
    else:
        assert isinstance(strategy, Strategy)
        again = load_strategy(json.loads(json.dumps(strategy.document())))
        assert again == strategy
        assert again.sha256 == strategy.sha256


@given(st.text(max_size=60))
def test_any_text_gives_a_strategy_or_a_strategy_error(text):
    judged(text + "\n")


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, len(VALID)),
    st.integers(0, 12),
    st.text(alphabet=st.sampled_from(list("abt1.-:,[]{}&*!'\"\\ \n\t")), max_size=6),
)
def test_any_edit_of_a_valid_text_gives_a_strategy_or_a_strategy_error(at, n_removed, inserted):
    judged(VALID[:at] + inserted + VALID[at + n_removed :])


# NaN and infinity come from YAML and from Python's own json alike.
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
WORDS = st.sampled_from(["all", "1d", "rsi", "macd.", "single", 10**200])
KEYS = st.text(max_size=5) | st.sampled_from(["type", "mode", "source"])
PLAIN = st.recursive(
    LEAVES | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in entries for found in paths_in(inner, (*path, key)))]


DOCUMENT = load_strategy(VALID).document()
PATHS = [path for path in paths_in(DOCUMENT) if path]
MUTATIONS = st.tuples(st.sampled_from(PATHS), st.sampled_from(["set", "drop", "add"]), PLAIN, st.text(max_size=4))


@settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(PATHS), st.sampled_from(["set", "drop", "add"]), PLAIN, st.text(max_size=4)),
        min_size=1,
        max_size=3,
    )
)
def test_any_mutation_of_valid_values_gives_a_strategy_or_a_strategy_error(mutations):
    values = copy.deepcopy(DOCUMENT)
    for path, kind, replacement, key in mutations:
        try:
            container: Any = values
            for part in path[:-1]:
                container = container[part]
            if kind == "drop":
                del container[path[-1]]
            elif kind == "set":
                container[path[-1]] = replacement
            else:
                container[path[-1]][key] = replacement
        except (KeyError, IndexError, TypeError):
            continue  # an earlier mutation took this place away
    judged(values)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([".".join(map(str, path)) for path in PATHS]) | st.text(max_size=8), PLAIN)
def test_any_override_gives_a_strategy_or_a_strategy_error(path, value):
    judged(VALID, {path: value})
