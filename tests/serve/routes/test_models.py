"""`/models` over a real store: filters, pages, aliases, notes, deleting, pruning, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from ktrdr.storage import ModelStorage
from tests.fakes.artifacts import TREND, trained_artifact
from tests.fakes.files import QuickFiles
from tests.serve.conftest import API

MODELS = f"{API}/models"
V1, V2 = f"{MODELS}/trend/SP500_1d_v1", f"{MODELS}/trend/SP500_1d_v2"


@pytest.fixture
def store(tmp_path: Path) -> ModelStorage:
    """Two versions of `trend` and one of `other`."""
    store = ModelStorage(tmp_path / "models", QuickFiles())
    for strategy, seed in (("trend", 0), ("trend", 1), ("other", 2)):
        store.save_model(trained_artifact(seed, {**TREND, "name": strategy}))
    return store


@pytest.fixture
def client(client: TestClient, store: ModelStorage) -> TestClient:
    return client


def ids(client: TestClient, path: str = MODELS, **asked: Any) -> list[str]:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return [item["model_id"] for item in answer.json()["items"]]


def test_models_are_filtered_and_paged(client: TestClient) -> None:
    assert ids(client, metric="accuracy", at_least=0.51) == ["other/SP500_1d_v1", "trend/SP500_1d_v2"]
    assert ids(client, f"{MODELS}/trend", symbol="SP500", timeframe="1d", limit=1) == ["trend/SP500_1d_v2"]
    page = client.get(MODELS, params={"limit": 2}).json()
    assert page["total_count"] == 3
    rest = client.get(MODELS, params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert ([item["model_id"] for item in rest["items"]], rest["next_cursor"]) == (["trend/SP500_1d_v1"], None)
    assert ids(client, created_from="2020-01-01", created_to="2020-01-02") == []


@pytest.mark.parametrize("path", [MODELS, f"{MODELS}/trend"])
@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ("symbl=SP500", "symbl", "Did you mean 'symbol'?"),
        ("symbol=..%2Fx", "symbol", "is not a symbol"),
        ("symbol=%00", "symbol", "is not a symbol"),
        ("timeframe=1x", "timeframe", "is not a timeframe"),
        ("created_from=1700000000", "created_from", "YYYY-MM-DD"),
        ("metric=acuracy&at_least=0.5", "metric", "Did you mean 'accuracy'?"),
        ("metric=accuracy&at_least=nan", "at_least", "finite"),
        ("metric=accuracy&at_least=x", "at_least", "number"),
        ("metric=accuracy", "", "go together"),
        ("alias=latest", "alias", "names a version already"),
        ("tag=a%20b", "tag", "is not a tag"),
        ("limit=0", "limit", "greater than or equal to 1"),
        ("cursor=x", "cursor", "not a cursor"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_with_its_field(
    client: TestClient, path: str, asked: str, field: str, said: str
) -> None:
    answer = client.get(f"{path}?{asked}")
    assert answer.status_code == 422, answer.text
    [entry] = answer.json()["errors"]
    assert entry["path"] == field
    assert said in f"{entry['message']} {entry.get('suggestion')}"


def test_an_alias_is_set_moved_removed_and_remembered(client: TestClient) -> None:
    put = client.put(f"{V1}/aliases/champion", json={"by": "ada"})
    assert (put.status_code, put.json()["model_id"], put.json()["by"]) == (200, "trend/SP500_1d_v1", "ada")
    assert client.get(f"{MODELS}/trend/SP500_1d@champion").json()["aliases"] == ["champion"]
    assert client.put(f"{MODELS}/trend/SP500_1d_latest/aliases/champion").json()["model_id"] == "trend/SP500_1d_v2"
    assert ids(client, alias="champion") == ["trend/SP500_1d_v2"]
    assert client.delete(f"{V1}/aliases/champion").status_code == 404
    removed = client.request("DELETE", f"{V2}/aliases/champion", json={"by": "eve"})
    assert (removed.status_code, removed.json()["model_id"]) == (200, None)
    [told] = client.get(f"{MODELS}/trend/aliases").json()["items"]
    assert told["aliases"] == {}
    assert [(entry["model_id"], entry["by"]) for entry in told["history"]] == [
        ("trend/SP500_1d_v1", "ada"),
        ("trend/SP500_1d_v2", None),
        (None, "eve"),
    ]


def test_a_version_that_an_alias_names_is_not_deleted_and_says_what_to_do(client: TestClient) -> None:
    client.put(f"{V2}/aliases/champion")
    refused = client.delete(V2)
    assert (refused.status_code, refused.json()["title"]) == (409, "Model in use")
    assert "ktrdr models alias" in refused.json()["errors"][0]["suggestion"]
    client.delete(f"{V2}/aliases/champion")
    assert client.delete(V2).json() == {"model_id": "trend/SP500_1d_v2", "latest": "trend/SP500_1d_v1"}
    assert client.delete(V1).json() == {"model_id": "trend/SP500_1d_v1", "latest": None}
    assert client.delete(V1).status_code == 404


def test_a_record_of_aliases_that_is_damaged_is_a_conflict_that_names_the_file(
    client: TestClient, tmp_path: Path
) -> None:
    client.put(f"{V1}/aliases/champion")
    (tmp_path / "models" / "trend" / ".aliases" / "SP500_1d.json").write_text("?")
    for answer in (
        client.get(f"{MODELS}/trend/SP500_1d@champion"),
        client.put(f"{V2}/aliases/champion"),
        client.delete(V1),
    ):
        assert answer.status_code == 409, answer.text
        assert "SP500_1d.json" in answer.json()["detail"]
    assert len(ids(client)) == 3
    assert client.get(V1).status_code == 200
    assert client.get(f"{MODELS}/trend/aliases").json()["items"][0]["damaged"].endswith("SP500_1d.json")


def test_a_note_and_tags_are_shown_where_models_are(client: TestClient) -> None:
    patched = client.patch(V1, json={"note": "Good.", "tags": ["live"]})
    assert patched.json() == {"note": "Good.", "tags": ["live"]}
    assert client.patch(V1, json={"add_tags": ["a"]}).json() == {"note": "Good.", "tags": ["a", "live"]}
    assert client.get(V1).json()["note"] == "Good."
    assert ids(client, tag="live") == ["trend/SP500_1d_v1"]
    assert client.patch(V1, json={"note": None, "remove_tags": ["a"]}).json() == {"note": None, "tags": ["live"]}


def test_a_prune_says_what_goes_and_does_it_unless_it_is_dry(client: TestClient) -> None:
    dry = client.post(f"{MODELS}/prune", json={"keep": 1, "dry_run": True}).json()
    assert (dry["deleted"], dry["dry_run"]) == (["trend/SP500_1d_v1"], True)
    assert len(ids(client)) == 3
    pruned = client.post(f"{MODELS}/prune", json={"keep": 1, "strategy": "trend"}).json()
    assert pruned == {**dry, "kept": [{"model_id": "trend/SP500_1d_v2", "why": "newest"}], "dry_run": False}
    assert ids(client) == ["other/SP500_1d_v1", "trend/SP500_1d_v2"]


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/models/prune", {"keep": 0}, "keep"),
        ("POST", "/models/prune", {}, "keep"),
        ("POST", "/models/prune", {"keep": 1, "strategy": "../x"}, "strategy"),
        ("POST", "/models/prune", {"keep": 1, "dryrun": True}, "dryrun"),
        ("PUT", "/models/trend/SP500_1d_v1/aliases/champion", {"by": "a\nb"}, "by"),
        ("PUT", "/models/trend/SP500_1d_v1/aliases/champion", {"who": "ada"}, "who"),
        ("PUT", "/models/trend/SP500_1d_v1/aliases/v2", {}, "alias"),
        ("PATCH", "/models/trend/SP500_1d_v1", {"note": "x" * 4001}, "note"),
        ("PATCH", "/models/trend/SP500_1d_v1", {"tags": ["a b"]}, "tags"),
        ("PATCH", "/models/trend/SP500_1d_v1", {"tag": ["a"]}, "tag"),
    ],
)
def test_a_body_that_cannot_be_is_refused_with_its_field(
    client: TestClient, method: str, path: str, body: dict[str, Any], field: str
) -> None:
    answer = client.request(method, f"{API}{path}", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["path"] == field


def hostile(good: str) -> list[str]:
    """Return what nobody means by a name: ways up, NUL, too much, look-alike letters."""
    return ["%2E%2E", "..%2F..%2Fetc", f"{good}%2F..", f"%2e%2e%2f{good}", f"{good}%00", "A" * 10_000, f"%D0%B0{good}"]


@pytest.mark.parametrize("strategy", hostile("trend"), ids=lambda name: name[:20])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_no_strategy_name_leads_out_of_the_store(client: TestClient, method: str, strategy: str) -> None:
    refused(client, method, f"/{strategy}/SP500_1d_v1", "strategy")


@pytest.mark.parametrize("name", [*hostile("SP500_1d_v1"), "SP500_1d@..", "SP500_1d@%00"], ids=lambda name: name[:20])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_no_model_name_leads_out_of_the_store(client: TestClient, method: str, name: str) -> None:
    refused(client, method, f"/trend/{name}", "name", "alias")


@pytest.mark.parametrize("alias", hostile("champion"), ids=lambda name: name[:20])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_no_alias_leads_out_of_the_store(client: TestClient, method: str, alias: str) -> None:
    refused(client, method, f"/trend/SP500_1d_v1/aliases/{alias}", "alias")


@pytest.mark.parametrize(
    "text", ["..", "../x", "a\x00", "A" * 10_000, "\u0410", "a\n"], ids=lambda text: ascii(text)[:20]
)
@pytest.mark.parametrize("field", ["symbol", "timeframe", "alias", "tag"])
def test_no_filter_is_more_than_a_name(client: TestClient, field: str, text: str) -> None:
    answer = client.get(MODELS, params={field: text})
    assert answer.status_code == 422, answer.text
    [entry] = answer.json()["errors"]
    assert entry["path"] == field
    assert len(entry["message"]) < 400
    if field in ("alias", "tag"):
        body: dict[str, Any] = {"tags": [text]} if field == "tag" else {}
        path = V1 if field == "tag" else f"{V1}/aliases/{quote(text, safe='').replace('.', '%2E')}"
        refused_there = client.request("PATCH" if field == "tag" else "PUT", path, json=body)
        assert refused_there.status_code in (404, 422), refused_there.text
    assert len(ids(client)) == 3


def refused(client: TestClient, method: str, path: str, *fields: str) -> None:
    """Ask, and see that the answer is a problem in a few words and that nothing has changed."""
    answer = client.request(method, f"{MODELS}{path}", json={} if method == "PATCH" else None)
    assert answer.status_code in (404, 405, 422), answer.text  # a path with `..` or `/` in it is another route, or none
    assert answer.headers["content-type"] == "application/problem+json"
    if answer.status_code == 422:
        [entry] = answer.json()["errors"]
        assert entry["path"] in fields
        assert len(entry["message"]) < 300
    assert len(ids(client)) == 3
