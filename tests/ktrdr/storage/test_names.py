import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.errors import RequestError
from ktrdr.storage.names import check_alias, check_strategy_name, check_tag, model_name, parse_version, split_name

SYMBOLS = st.from_regex(r"[A-Za-z0-9^][A-Za-z0-9_.^=/-]{0,63}", fullmatch=True)


@pytest.mark.parametrize(
    ("symbols", "timeframe", "expected"),
    [
        (["SP500"], "1d", "SP500_1d"),
        (["^GSPC"], "1h", "%5EGSPC_1h"),
        (["EUR/USD", "GC=F"], "5m", "EUR%2FUSD+GC%3DF_5m"),
        (["B", "A", "C"], "1w", "B+A+C_1w"),
    ],
)
def test_up_to_three_symbols_are_encoded_and_joined(symbols, timeframe, expected):
    assert model_name(symbols, timeframe) == expected


def test_more_symbols_are_named_by_count_and_hash_whatever_their_order():
    digest = hashlib.sha256(b"A+B+C+D").hexdigest()[:8]
    assert model_name(["D", "B", "A", "C"], "1d") == model_name(["A", "B", "C", "D"], "1d") == f"4symbols-{digest}_1d"


def test_symbols_too_long_for_a_file_name_are_named_by_hash():
    long = ["^" * 64, "=".join("A" * 32), "B" * 64]
    assert model_name(long, "1d").startswith("3symbols-")


@given(st.lists(SYMBOLS, min_size=1, max_size=5, unique=True), st.integers(1, 999))
def test_every_model_name_is_one_path_component_and_parses_back(symbols, version):
    base = model_name(symbols, "15m")
    name = f"{base}_v{version}"
    assert parse_version(name) == (base, version)
    assert parse_version(f"{base}_latest") == (base, "latest")
    assert "/" not in name
    assert not name.startswith(".")
    assert len(name.encode()) <= 255


@given(st.text())
def test_no_text_raises_anything_but_a_request_error(text):
    for check in (parse_version, check_strategy_name):
        try:
            check(text)
        except RequestError:
            continue
        assert "/" not in text
        assert not text.startswith(".")


def test_a_name_decoded_by_a_web_server_means_the_same_model():
    assert parse_version("^GSPC_1d_v3") == parse_version("%5EGSPC_1d_v3") == ("%5EGSPC_1d", 3)


WRONG = [
    "",
    ".",
    "..",
    "../secret_1d_v1",
    "..%2Fsecret_1d_v1",
    "a/../../b_1d_v1",
    "/etc/passwd_1d_v1",
    "SP500_1d_v1\n",
    "SP500\x00_1d_v1",
    "SP500_1d_v1/..",
    "SP500_1d_v0",
    "SP500_1d_v01",
    "SP500_1d_v-1",
    "SP500_1d_v\u0661",  # an Arabic-Indic one
    "SP500_1d_v",
    "SP500_1d",
    "SP500_v1",
    "SP500_1x_v1",
    "\u0405P500_1d_v1",  # a Cyrillic letter that looks like S
    "SP500_1d_v\uff11",  # a full-width one
    "A+B+C+D_1d_v1",
    "A++B_1d_v1",
    "SP500_1d@",
    "SP500_1d@../x",
    "SP500_1d@a@b",
    "SP500_1d_v1@champion",
    "SP500_1d@" + "a" * 10_000,
    "SP500_1d@ch\u0430mpion",  # a Cyrillic letter that looks like a
    "A%00_1d_v1",
    "A" * 10_000 + "_1d_v1",
    "SP500_1d_v" + "1" * 10_000,
]


@pytest.mark.parametrize("name", WRONG, ids=lambda name: ascii(name)[:30])
def test_a_malformed_model_name_is_refused_in_a_few_words(name):
    with pytest.raises(RequestError) as refused:
        parse_version(name)
    assert refused.value.path == "name"
    assert str(refused.value).isascii()
    assert len(str(refused.value)) < 300
    assert split_name(name) is None


@pytest.mark.parametrize(
    ("check", "field"), [(check_strategy_name, "strategy"), (check_alias, "alias"), (check_tag, "tags")]
)
@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".tmp", "a/b", "a\\b", "a\x00", "a\n", "\u0430bc", "\uff41bc", "a" * 65, "a" * 10_000, None, 3],
    ids=str,
)
def test_what_a_strategy_an_alias_or_a_tag_cannot_be_called_is_refused_in_a_few_words(check, field, name):
    with pytest.raises(RequestError) as refused:
        check(name)
    assert refused.value.path == field
    assert str(refused.value).isascii()
    assert len(str(refused.value)) < 300


def test_a_version_is_named_by_an_alias():
    assert parse_version("^GSPC_1d@champion") == ("%5EGSPC_1d", "champion")
    assert split_name("SP500_1d@champion") is None  # on the disk nothing is called so


@pytest.mark.parametrize(
    "symbols", [[], ["A", "A"], ["A+B"], [".."], ["a b"], ["A\x00"], ["A" * 65], ["A" * 10_000], ["\u0410"], [7]]
)
def test_symbols_that_name_nothing_are_refused(symbols):
    with pytest.raises(RequestError):
        model_name(symbols, "1d")


@pytest.mark.parametrize("timeframe", ["", "1", "d", "1D", "0d", "../1d", "1d\n", "100m"])
def test_a_malformed_timeframe_is_refused(timeframe):
    with pytest.raises(RequestError) as refused:
        model_name(["A"], timeframe)
    assert refused.value.path == "timeframe"
