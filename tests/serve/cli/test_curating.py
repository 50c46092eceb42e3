from __future__ import annotations

import io
import json

import pytest

from ktrdr.errors import Problem, ServiceRefused
from tests.fakes.client import FakeClient
from tests.serve.cli.test_models import MODEL

MODEL_ID = "sp500_daily/SP500_1d_v3"
SET = {"alias": "champion", "model_id": MODEL_ID, "by": "ada", "at": "2026-01-03T12:00:00.000000+00:00"}
REMOVED = {**SET, "model_id": None, "by": "eve", "at": "2026-01-04T12:00:00.000000+00:00"}
PRUNED = {
    "deleted": ["sp500_daily/SP500_1d_v1"],
    "kept": [{"model_id": MODEL_ID, "why": "newest"}],
    "n_bytes": 34567,
    "dry_run": False,
}
DELETED = {"model_id": MODEL_ID, "latest": "sp500_daily/SP500_1d_v2"}


@pytest.fixture
def answering(monkeypatch):
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_an_alias_is_set_in_the_name_of_who_is_logged_in(ktrdr, monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    client = FakeClient(set_alias=SET)
    ran = ktrdr(["models", "alias", MODEL_ID, "champion"], client)
    assert client.fields_of("set_alias") == ("sp500_daily", "SP500_1d_v3", "champion", "ada")
    assert f"champion names {MODEL_ID}." in ran.out
    assert ".venv/bin/ktrdr models aliases sp500_daily" in ran.out
    ktrdr(["models", "alias", MODEL_ID, "champion", "--by", "bob"], client)
    assert client.fields_of("set_alias")[-1] == "bob"


def test_an_alias_is_removed(ktrdr):
    client = FakeClient(remove_alias=REMOVED)
    ran = ktrdr(["models", "alias", MODEL_ID, "champion", "--remove", "--by", "eve"], client)
    assert client.fields_of("remove_alias") == ("sp500_daily", "SP500_1d_v3", "champion", "eve")
    assert "champion names nothing any more." in ran.out
    assert json.loads(ktrdr(["models", "alias", MODEL_ID, "champion", "--remove", "--json"], client).out) == REMOVED


def test_aliases_are_listed_with_their_history(ktrdr):
    item = {"name": "SP500_1d", "aliases": {"live": MODEL_ID}, "history": [SET, REMOVED], "damaged": None}
    spoiled = {"name": "NASDAQ_1d", "aliases": {}, "history": [], "damaged": "models/x/.aliases/NASDAQ_1d.json"}
    client = FakeClient(aliases={"items": [item, spoiled], "total_count": 2, "next_cursor": None})
    ran = ktrdr(["models", "aliases", "sp500_daily"], client)
    for said in ("SP500_1d@live", "SP500_1d@champion", "ada", "eve", "nothing", "2026-01-03 12:00:00 UTC"):
        assert said in ran.out
    assert "models/x/.aliases/NASDAQ_1d.json" in ran.err


def test_where_there_are_no_aliases_that_is_said(ktrdr):
    ran = ktrdr(["models", "aliases", "mine"], FakeClient(aliases={"items": [], "total_count": 0}))
    assert "No alias names a model of mine." in ran.out


def test_notes_and_tags_are_written(ktrdr):
    client = FakeClient(annotate={"note": "Good.", "tags": ["a", "live"]})
    ran = ktrdr(["models", "note", MODEL_ID, "Good."], client)
    assert client.fields_of("annotate") == ("sp500_daily", "SP500_1d_v3", {"note": "Good."})
    assert "a, live" in ran.out
    ktrdr(["models", "tag", MODEL_ID, "a", "live"], client)
    assert client.fields_of("annotate")[-1] == {"add_tags": ["a", "live"]}
    ktrdr(["models", "tag", MODEL_ID, "a", "--remove"], client)
    assert client.fields_of("annotate")[-1] == {"remove_tags": ["a"]}


@pytest.mark.parametrize("command", [["alias", "SP500_1d_v3", "x"], ["note", "x/", "x"], ["delete", "/x"]])
def test_a_name_that_is_no_model_id_is_refused_without_asking(ktrdr, command):
    client = FakeClient()
    assert ktrdr(["models", *command], client).code == 1
    assert client.asked == []


def test_on_a_terminal_a_delete_asks_and_names_the_version_that_it_means(ktrdr, answering):
    client = FakeClient(model=MODEL, delete_model=DELETED)
    answering("n\n")
    ran = ktrdr(["models", "delete", "sp500_daily/SP500_1d_latest"], client, is_terminal=True)
    assert ran.code == 1
    assert f"Delete {MODEL_ID}" in ran.out
    assert [name for name, _ in client.asked] == ["model"]
    answering("y\n")
    assert ktrdr(["models", "delete", "sp500_daily/SP500_1d_latest"], client, is_terminal=True).code == 0
    assert client.fields_of("delete_model") == ("sp500_daily", "SP500_1d_v3")


@pytest.mark.parametrize(("options", "is_terminal"), [([], False), (["--yes"], True), (["--json"], True)])
def test_where_nobody_can_be_asked_a_delete_asks_nothing(ktrdr, options, is_terminal):
    client = FakeClient(delete_model=DELETED)
    ran = ktrdr(["models", "delete", MODEL_ID, *options], client, is_terminal=is_terminal)
    assert (ran.code, [name for name, _ in client.asked]) == (0, ["delete_model"])
    assert "sp500_daily/SP500_1d_v2" in ran.out


def test_a_delete_that_is_refused_says_what_to_do(ktrdr):
    problem = Problem("name", "'champion' names it", "Give it away with `ktrdr models alias MODEL_ID champion`.")
    client = FakeClient(delete_model=ServiceRefused(409, "Model in use", "'champion' names it", (problem,)))
    ran = ktrdr(["models", "delete", MODEL_ID], client)
    assert ran.code == 1
    assert "`.venv/bin/ktrdr models alias MODEL_ID champion`" in ran.err


def test_a_prune_prints_what_goes_what_stays_and_the_bytes(ktrdr):
    client = FakeClient(prune=PRUNED)
    ran = ktrdr(["models", "prune", "sp500_daily", "--keep", "2"], client)
    assert client.fields_of("prune") == (2, "sp500_daily", False)
    for said in ("sp500_daily/SP500_1d_v1", "goes", "stays", "newest", "1 model is deleted; 34,567 bytes are freed."):
        assert said in ran.out


def test_a_dry_run_says_what_would_be_and_how_to_do_it(ktrdr):
    client = FakeClient(prune={**PRUNED, "dry_run": True})
    ran = ktrdr(["models", "prune", "--keep", "2", "--dry-run"], client, is_terminal=True)
    assert client.asked == [("prune", (2, None, True))]
    assert "1 model would be deleted; 34,567 bytes would be freed." in ran.out
    assert ".venv/bin/ktrdr models prune --keep 2" in ran.out


def test_on_a_terminal_a_prune_shows_what_goes_and_asks(ktrdr, answering):
    client = FakeClient(prune={**PRUNED, "dry_run": True})
    answering("\n")
    assert ktrdr(["models", "prune", "--keep", "2"], client, is_terminal=True).code == 1
    assert client.asked == [("prune", (2, None, True))]
    client = FakeClient(prune=[{**PRUNED, "dry_run": True}, PRUNED])
    answering("y\n")
    assert ktrdr(["models", "prune", "--keep", "2"], client, is_terminal=True).code == 0
    assert client.asked == [("prune", (2, None, True)), ("prune", (2, None, False))]


def test_how_many_stay_must_be_said(ktrdr):
    client = FakeClient()
    assert ktrdr(["models", "prune"], client).code == 2
    assert ktrdr(["models", "prune", "--keep", "0"], client).code == 2
    assert client.asked == []
