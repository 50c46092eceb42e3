from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.errors import StrategyError
from ktrdr.strategy.document import MAX_BYTES, document_of, read_document
from ktrdr.strategy.plain import MAX_DEPTH
from ktrdr.strategy.reader import MAX_ALIASES


def refusal_of(text):
    with pytest.raises(StrategyError) as caught:
        read_document(text)
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1),
        ("-7", -7),
        ("+3", 3),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e-3", 0.001),
        ("2.", 2.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("off", "off"),
        ("2000-01-01", "2000-01-01"),
        ("1_000", "1_000"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("1d", "1d"),
    ],
)
def test_scalars_are_read_by_the_core_schema_of_yaml_1_2(written, value):
    (read,) = read_document(f"a: {written}").values.values()
    assert read == value
    assert type(read) is type(value)


def test_keys_and_values_have_places_from_one():
    document = read_document("a:\n  - b: 1\n    c: [x, y]\n")
    assert document.keys[("a", 0, "c")] == (3, 5)
    assert document.starts[("a", 0, "c", 1)] == (3, 12)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: [1, 2\nb: 3", 1, 4, "the bracket that opens here is not closed"),
        ("a: 'x", 1, 4, "the quoted text that opens here is not closed"),
        ("a: 1\n\tb: 2", 2, 1, "a tab where only spaces can stand"),
        ("a: b: c", 1, 5, "a ':' that cannot stand here"),
        ("a:\n  b: 1\n c: 2", 3, 2, "this does not fit the lines above it"),
        ("a: @x", 1, 4, "no value can begin with '@'"),
        ("a: \x00", 1, 4, "a character that cannot stand in a text file"),
        ("a: 1\nb: 2\na: 3", 3, 1, "the key 'a' is here twice"),
        ("a: 1\n---\nb: 2", 2, 1, "a second document begins here"),
        ("%YAML 1.1\n---\na: yes", 2, 1, "the file is YAML 1.2"),
        ("1: 2", 1, 1, "the key 1 is not a text"),
        ("a: *b", 1, 4, "the alias '*b' names nothing above it"),
        ("a: &x [*x]", 1, 8, "the alias '*x' names nothing above it"),
        ('a: "\\UFFFFFFFF"', 1, 1, "a backslash that means nothing"),
        ("- a", 1, 1, "the file is not a mapping"),
        ("name: [", 1, 8, "the text ends inside a bracket"),
        ("a: &r {b: 1}\nc: {<<: *r}", 2, 5, "the merge key '<<' is not read"),
        ("# nothing", 1, 1, "the file is empty"),
        ("a: " + "9" * 5000, 1, 4, "a number of more than 64 digits"),
        ("a: !!int 3", 1, 4, "the tag 'tag:yaml.org,2002:int' is refused"),
        ("a: !!python/name:os.system x", 1, 4, "the tag 'tag:yaml.org,2002:python/name:os.system' is refused"),
    ],
)
def test_what_is_no_strategy_text_is_refused_in_plain_words_where_it_stands(text, line, column, message):
    found = refusal_of(text)
    assert (found.line, found.column, found.message) == (line, column, message)


def test_a_quoted_merge_sign_is_a_key_like_others():
    assert read_document("a: {'<<': 1}").values == {"a": {"<<": 1}}


def test_repeated_keys_are_all_found_and_the_first_is_named():
    with pytest.raises(StrategyError) as caught:
        read_document("a: 1\nb: {c: 1, c: 2}\na: 3")
    assert [problem.path for problem in caught.value.problems] == ["b.c", "a"]
    assert "line 1" in caught.value.problems[1].suggestion


def test_nesting_is_bounded():
    read_document("a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))
    assert "levels deep" in refusal_of("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH).message
    assert "levels deep" in refusal_of("[" * 100_000).message


def test_nesting_through_aliases_is_bounded():
    lines = ["a0: &a0 [1]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 40))]
    assert "levels deep" in refusal_of("\n".join(lines)).message


def test_aliases_are_bounded():
    read_document("a: &x 1\nb: [" + ", ".join(["*x"] * MAX_ALIASES) + "]")
    assert "aliases" in refusal_of("a: &x 1\nb: [" + ", ".join(["*x"] * (MAX_ALIASES + 1)) + "]").message


def test_a_few_aliases_cannot_make_many_values():
    lines = ["a0: &a0 [" + ", ".join(["1"] * 9) + "]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 6)]
    assert "values" in refusal_of("\n".join(lines)).message


def test_an_aliased_value_is_a_copy():
    document = read_document("a: &x {b: 1}\nc: *x")
    document.values["a"]["b"] = 2
    assert document.values["c"] == {"b": 1}


def test_the_size_of_a_text_is_bounded_in_bytes():
    assert "larger than 256 KiB" in refusal_of("a: " + "ä" * (MAX_BYTES // 2)).message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "expected a mapping, a list, a text, a number, true, false or null"),
        (10**5000, "a number of more than 64 digits"),
        ("\ud800", "the text holds half of a surrogate pair"),
        ({1: 2}, "a key is not a text"),
        ([0] * 11_000, "more than 10,000 values"),
    ],
    ids=["object", "digits", "surrogate", "key", "many"],
)
def test_values_from_elsewhere_are_bounded_like_a_text(value, message):
    with pytest.raises(StrategyError) as caught:
        document_of({"a": value})
    assert caught.value.problems[0].message == message


def test_values_that_contain_themselves_are_refused():
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(StrategyError, match="levels deep"):
        document_of({"a": endless})


@given(st.text(alphabet=st.sampled_from(list("ab:-[]{},\"'&*!|>%@#?~ \n\t\\U0.")), max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        assert isinstance(read_document(text).values, dict)
    except StrategyError as error:
        assert all(problem.message for problem in error.problems)
