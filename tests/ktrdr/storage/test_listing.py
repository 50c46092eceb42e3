"""What a listing tells, which versions it shows, and its pages."""

import json

import pytest

from ktrdr.errors import RequestError, UnknownModel
from ktrdr.storage import METRIC_NAMES, AnnotationChange, ModelFilter, listing
from tests.fakes.artifacts import FEATURES, TREND, trained_artifact

FILES = ["config.json", "features.json", "metadata.json", "metrics.json", "model.pt", "model_full.pt"]


def ids(models):
    return [model["model_id"] for model in models]


@pytest.fixture
def three(store):
    """Return a store with a model of 1 January, one of another strategy of the 2nd, and one of the 3rd."""
    for strategy, seed in (("trend", 0), ("other", 1), ("trend", 2)):
        store.save_model(trained_artifact(seed, {**TREND, "name": strategy}), operation_id=f"train-{seed}")
    return store


def test_models_are_listed_newest_first_with_their_numbers(three):
    listed = three.list_models()
    assert ids(listed) == ["trend/SP500_1d_v2", "other/SP500_1d_v1", "trend/SP500_1d_v1"]
    assert [model["is_latest"] for model in listed] == [True, True, False]
    assert listed[0] == {
        "model_id": "trend/SP500_1d_v2",
        "strategy": "trend",
        "name": "SP500_1d_v2",
        "version": 2,
        "is_latest": True,
        "symbols": ["SP500"],
        "timeframes": ["1d"],
        "created_at": "2026-01-03T12:00:00.000000+00:00",
        "operation_id": "train-2",
        "aliases": [],
        "note": None,
        "tags": [],
        "test_accuracy": 0.52,
        "majority_baseline": 0.4,
        "test_metrics": {"accuracy": 0.52, "baseline.majority": 0.4},
    }
    assert [model["version"] for model in three.list_models("trend")] == [2, 1]
    assert three.list_models("nobody") == []


def test_a_version_is_described_with_its_files_settings_and_what_is_said_of_it(store, root):
    artifact = trained_artifact()
    saved = store.save_model(artifact, operation_id="train-1")
    store.set_alias("trend", "SP500_1d_v1", "champion")
    store.annotate("trend", "SP500_1d_v1", AnnotationChange(note="Good.", tags=("live",)))
    described = store.describe("trend", "SP500_1d_latest")
    files = described.pop("files")
    assert {file["name"]: file["size"] for file in files} == {
        name: (root / "trend" / "SP500_1d_v1" / name).stat().st_size for name in FILES
    }
    assert described == {
        "model_id": saved.model_id,
        "strategy": "trend",
        "name": "SP500_1d_v1",
        "version": 1,
        "is_latest": True,
        "symbols": ["SP500"],
        "timeframes": ["1d"],
        "created_at": saved.created_at,
        "operation_id": "train-1",
        "aliases": ["champion"],
        "note": "Good.",
        "tags": ["live"],
        "metrics": artifact.metrics,
        "features": list(FEATURES),
        "config": artifact.config,
        "damaged": None,
    }


@pytest.mark.parametrize(
    ("asked", "seeds"),
    [
        ({}, [2, 1, 0]),
        ({"symbol": "SP500"}, [2, 1, 0]),
        ({"symbol": "NASDAQ"}, []),
        ({"timeframe": "1d"}, [2, 1, 0]),
        ({"timeframe": "1h"}, []),
        ({"created_from": "2026-01-02"}, [2, 1]),
        ({"created_to": "2026-01-02"}, [1, 0]),
        ({"created_from": "2026-01-02", "created_to": "2026-01-02"}, [1]),
        ({"metric": "accuracy", "at_least": 0.51}, [2, 1]),
        ({"metric": "accuracy", "at_least": 0.52}, [2]),
        ({"metric": "baseline.majority", "at_least": 0.41}, []),
        ({"metric": "f1_score", "at_least": 0}, []),  # these models have none
        ({"alias": "champion"}, [1]),
        ({"tag": "live"}, [0]),
        ({"tag": "live", "created_from": "2026-01-02"}, []),
    ],
)
def test_a_filter_shows_what_all_of_it_holds_for(three, asked, seeds):
    three.set_alias("other", "SP500_1d_v1", "champion")
    three.annotate("trend", "SP500_1d_v1", AnnotationChange(tags=("live",)))
    shown = three.list_models(chosen=ModelFilter.of(**asked))
    assert [model["operation_id"] for model in shown] == [f"train-{seed}" for seed in seeds]


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({"symbol": "../x"}, "symbol", "is not a symbol"),
        ({"timeframe": "1x"}, "timeframe", "is not a timeframe"),
        ({"created_from": "yesterday"}, "created_from", "YYYY-MM-DD"),
        ({"created_from": "2026-01-02", "created_to": "2026-01-01"}, "", "is after"),
        ({"metric": "f1_scor", "at_least": 0.5}, "metric", "Did you mean 'f1_score'?"),
        ({"metric": "zzz", "at_least": 0.5}, "metric", "One of: loss, accuracy,"),
        ({"metric": "accuracy"}, "", "go together"),
        ({"at_least": 0.5}, "", "go together"),
        ({"metric": "accuracy", "at_least": float("nan")}, "at_least", "finite"),
        ({"alias": "v3"}, "alias", "names a version already"),
        ({"tag": "a b"}, "tag", "is not a tag"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_with_its_field(asked, field, said):
    with pytest.raises(RequestError) as refused:
        ModelFilter.of(**asked)
    assert refused.value.path == field
    assert said in f"{refused.value} {refused.value.suggestion}"


def test_metrics_are_the_single_numbers_of_a_result():
    assert {"accuracy", "f1_score", "mcc", "returns.directional_accuracy", "baseline.persistence"} <= set(METRIC_NAMES)
    assert not any("per_class" in name or "matrix" in name or "verdict" in name for name in METRIC_NAMES)


def test_pages_show_every_version_once_also_where_the_last_one_shown_is_deleted(store):
    for _ in range(5):
        store.save_model(trained_artifact())
    first = store.page_models(limit=2)
    assert ([model["version"] for model in first.items], first.total_count) == ([5, 4], 5)
    store.delete_model("trend", "SP500_1d_v4")
    store.save_model(trained_artifact())
    second = store.page_models(limit=2, cursor=first.next_cursor)
    assert [model["version"] for model in second.items] == [3, 2]
    third = store.page_models(limit=2, cursor=second.next_cursor)
    assert ([model["version"] for model in third.items], third.next_cursor) == ([1], None)


@pytest.mark.parametrize("cursor", ["x", "", "a b c", "\u0451", "AAAA", "MjAyNg", "A" * 10_000])
def test_a_cursor_that_no_page_gave_is_refused(three, cursor):
    with pytest.raises(RequestError) as refused:
        three.page_models(cursor=cursor)
    assert refused.value.path == "cursor"


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_a_page_has_a_size(three, limit):
    with pytest.raises(RequestError) as refused:
        three.page_models(limit=limit)
    assert refused.value.path == "limit"


@pytest.mark.parametrize("metadata", [{"created_at": 7, "symbols": "SP500"}, [], "no", None])
def test_a_version_whose_metadata_is_spoiled_is_listed_as_the_oldest(three, root, metadata):
    (root / "trend" / "SP500_1d_v2" / "metadata.json").write_text(json.dumps(metadata))
    listed = three.list_models()
    assert ids(listed)[-1] == "trend/SP500_1d_v2"
    assert (listed[-1]["created_at"], listed[-1]["symbols"]) == (None, [])
    assert ids(three.list_models(chosen=ModelFilter(created_to="2030-01-01"))) == ids(listed)[:2]


def test_a_page_reads_the_metrics_of_its_own_versions_alone(three, monkeypatch):
    measured = []

    def noted(folder):
        measured.append(folder.name)
        return numbers_in(folder)

    numbers_in = listing.numbers_in
    monkeypatch.setattr(listing, "numbers_in", noted)
    page = three.page_models("trend", limit=1)
    assert (measured, page.total_count) == (["SP500_1d_v2"], 2)
    assert page.items[0] == three.list_models("trend")[0]


@pytest.mark.parametrize("step", ["manifest_in", "read_files", "readable"])
def test_a_version_deleted_while_it_is_described_is_unknown(three, monkeypatch, step):
    taken = getattr(listing, step)

    def too_late(*args):
        monkeypatch.undo()
        three.delete_model("other", "SP500_1d_v1")
        return taken(*args)

    monkeypatch.setattr(listing, step, too_late)
    with pytest.raises(UnknownModel):
        three.describe("other", "SP500_1d_v1")
    assert three.describe("trend", "SP500_1d_v1")["damaged"] is None
