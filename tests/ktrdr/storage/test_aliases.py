"""Names for versions: who gave them and when, and what they keep from being deleted."""

import json

import pytest

from ktrdr.errors import DamagedAliases, ModelInUse, RequestError, UnknownAlias, UnknownModel
from ktrdr.storage import AliasEntry
from tests.fakes.artifacts import TREND, trained_artifact


@pytest.fixture
def store(store):
    """Return a store with two versions, saved on the first two days of 2026."""
    for seed in range(2):
        store.save_model(trained_artifact(seed))
    return store


@pytest.fixture
def record(store, root):
    """Return the file of the aliases, of which there is one."""
    store.set_alias("trend", "SP500_1d_v1", "champion", by="ada")
    return root / "trend" / ".aliases" / "SP500_1d.json"


def test_a_model_is_loaded_and_described_by_its_alias(store):
    set_to = store.set_alias("trend", "SP500_1d_v1", "champion", by="ada")
    assert set_to == AliasEntry("champion", "trend/SP500_1d_v1", "ada", "2026-01-03T12:00:00.000000+00:00")
    assert store.load("trend", "SP500_1d@champion").metadata["seed"] == 0
    assert store.describe("trend", "SP500_1d@champion")["aliases"] == ["champion"]
    assert [model["aliases"] for model in store.list_models()] == [[], ["champion"]]


def test_an_alias_moves_and_its_history_says_who_and_when(store):
    store.set_alias("trend", "SP500_1d_v1", "champion", by="ada")
    store.set_alias("trend", "SP500_1d_latest", "champion")
    store.set_alias("trend", "SP500_1d_latest", "champion", by="bob")  # named it already
    store.remove_alias("trend", "SP500_1d@champion", "champion", by="eve")
    [told] = store.list_aliases("trend")
    assert (told["name"], told["aliases"], told["damaged"]) == ("SP500_1d", {}, None)
    assert [(entry["model_id"], entry["by"], entry["at"][:10]) for entry in told["history"]] == [
        ("trend/SP500_1d_v1", "ada", "2026-01-03"),
        ("trend/SP500_1d_v2", None, "2026-01-04"),
        (None, "eve", "2026-01-05"),
    ]
    with pytest.raises(UnknownModel):
        store.load("trend", "SP500_1d@champion")


def test_a_history_outlives_the_versions_it_names(store):
    store.set_alias("trend", "SP500_1d_v1", "champion")
    store.remove_alias("trend", "SP500_1d_v1", "champion")
    for name in ("SP500_1d_v1", "SP500_1d_v2"):
        store.delete_model("trend", name)
    assert store.list_models() == []
    [told] = store.list_aliases("trend")
    assert [entry["model_id"] for entry in told["history"]] == ["trend/SP500_1d_v1", None]


def test_each_model_name_has_aliases_of_its_own(store):
    store.save_model(trained_artifact(document={**TREND, "name": "other"}))
    store.set_alias("trend", "SP500_1d_v2", "champion")
    store.set_alias("other", "SP500_1d_v1", "champion")
    assert store.load("trend", "SP500_1d@champion").model_id == "trend/SP500_1d_v2"
    assert store.load("other", "SP500_1d@champion").model_id == "other/SP500_1d_v1"
    assert store.list_aliases("nobody") == []


def test_a_version_that_an_alias_names_is_not_deleted(store):
    store.set_alias("trend", "SP500_1d_v2", "champion")
    store.set_alias("trend", "SP500_1d_v2", "live")
    with pytest.raises(ModelInUse, match="'champion' and 'live' name it") as refused:
        store.delete_model("trend", "SP500_1d_latest")
    assert "`ktrdr models alias trend/SP500_1d_v2 champion --remove`" in refused.value.suggestion
    assert len(store.list_models()) == 2
    store.set_alias("trend", "SP500_1d_v1", "champion")
    store.remove_alias("trend", "SP500_1d_v2", "live")
    assert store.delete_model("trend", "SP500_1d_v2").latest == "trend/SP500_1d_v1"


def test_an_alias_is_only_taken_from_the_version_it_names(store):
    store.set_alias("trend", "SP500_1d_v2", "champion")
    for name, alias in (("SP500_1d_v1", "champion"), ("SP500_1d_v2", "champions")):
        with pytest.raises(UnknownAlias, match=f"{alias}, of trend/{name}"):
            store.remove_alias("trend", name, alias)
    assert store.load("trend", "SP500_1d@champion").model_id == "trend/SP500_1d_v2"


def test_an_alias_that_there_is_not_is_answered_with_those_there_are(store, record):
    with pytest.raises(UnknownModel) as unknown:
        store.load("trend", "SP500_1d@champ")
    assert "trend/SP500_1d@champion" in unknown.value.known
    assert "Did you mean 'trend/SP500_1d@champion'?" in unknown.value.suggestion


@pytest.mark.parametrize("alias", ["latest", "LATEST", "v1", "V12"])
def test_what_names_a_version_already_is_no_alias(store, alias):
    with pytest.raises(RequestError, match="names a version already") as refused:
        store.set_alias("trend", "SP500_1d_v1", alias)
    assert refused.value.path == "alias"


@pytest.mark.parametrize("by", ["", "a" * 101, "ada\n", "\x1b[31m"])
def test_who_says_so_is_a_name_on_one_line(store, by):
    with pytest.raises(RequestError) as refused:
        store.set_alias("trend", "SP500_1d_v1", "champion", by=by)
    assert refused.value.path == "by"
    assert store.list_aliases("trend") == []


def test_a_flipped_byte_anywhere_in_the_record_is_noticed_and_hides_no_model(store, record):
    whole = record.read_bytes()
    for at in range(len(whole)):
        content = bytearray(whole)
        content[at] ^= 1
        record.write_bytes(content)
        if json.loads(whole) == _parsed(content):
            continue  # between two words of JSON
        with pytest.raises(DamagedAliases, match=record.name):
            store.load("trend", "SP500_1d@champion")
    assert len(store.list_models()) == 2
    assert store.load("trend", "SP500_1d_latest").metadata["seed"] == 1


def _parsed(content):
    try:
        return json.loads(content)
    except ValueError:
        return None


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"history": 3}', b'{"history": [3]}', b"\xff"])
def test_while_the_record_is_damaged_nothing_is_changed_by_guess(store, record, content):
    record.write_bytes(content)
    for change in (
        lambda: store.set_alias("trend", "SP500_1d_v2", "champion"),
        lambda: store.remove_alias("trend", "SP500_1d_v1", "champion"),
        lambda: store.delete_model("trend", "SP500_1d_v1"),
    ):
        with pytest.raises(DamagedAliases) as damaged:
            change()
        assert str(record) in damaged.value.suggestion
    assert record.read_bytes() == content
    assert [model["aliases"] for model in store.list_models()] == [[], []]
    assert store.list_aliases("trend") == [{"name": "SP500_1d", "aliases": {}, "history": [], "damaged": str(record)}]
    record.unlink()
    assert store.set_alias("trend", "SP500_1d_v2", "champion").model_id == "trend/SP500_1d_v2"
