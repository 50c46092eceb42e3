"""Notes and tags: they change, go with their version, and never stand in its way."""

import pytest

from ktrdr.errors import RequestError, StorageError, UnknownModel
from ktrdr.storage import Annotation, AnnotationChange
from ktrdr.storage.annotations import MAX_NOTE, MAX_TAGS
from tests.fakes.artifacts import trained_artifact

NAME = "SP500_1d_v1"


@pytest.fixture
def store(store):
    store.save_model(trained_artifact())
    return store


def test_a_note_and_tags_are_kept_and_changed_apart(store):
    def annotate(**change):
        return store.annotate("trend", NAME, AnnotationChange(**change))

    assert annotate(note=" Trained on the\nlong series. ") == Annotation(note="Trained on the\nlong series.")
    assert annotate(tags=("b", "a", "b")).tags == ("a", "b")
    assert annotate(add_tags=("c",), remove_tags=("a", "z")) == Annotation(
        note="Trained on the\nlong series.", tags=("b", "c")
    )
    assert annotate(note="") == Annotation(tags=("b", "c"))
    described = store.describe("trend", NAME)
    assert (described["note"], described["tags"], described["damaged"]) == (None, ["b", "c"], None)
    assert store.list_models()[0]["tags"] == ["b", "c"]


def test_they_are_no_part_of_what_is_verified_and_go_with_the_version(store, root):
    store.annotate("trend", NAME, AnnotationChange(note="x" * MAX_NOTE))
    assert store.load("trend", NAME).model_id == f"trend/{NAME}"
    store.delete_model("trend", NAME)
    assert list(root.rglob("notes.json")) == []
    store.save_model(trained_artifact())
    assert store.describe("trend", "SP500_1d_v2")["note"] is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"note": 3}', b'{"tags": [[]]}', b"\xff\xfe"])
def test_where_they_are_spoiled_the_model_is_not(store, root, content):
    (root / "trend" / NAME / "notes.json").write_bytes(content)
    assert store.load("trend", NAME).model_id == f"trend/{NAME}"
    described = store.describe("trend", NAME)
    assert (described["note"], described["tags"], described["damaged"]) == (None, [], None)
    assert store.annotate("trend", NAME, AnnotationChange(add_tags=("a",))) == Annotation(tags=("a",))


@pytest.mark.parametrize("note", ["x" * (MAX_NOTE + 1), "\x1b[31m", "\x00", "\ud800"])
def test_a_note_is_text_of_a_bounded_length(note):
    with pytest.raises(RequestError) as refused:
        AnnotationChange(note=note)
    assert refused.value.path == "note"


def test_a_version_has_a_bounded_number_of_tags(store):
    tags = tuple(f"t{number}" for number in range(MAX_TAGS))
    store.annotate("trend", NAME, AnnotationChange(tags=tags))
    with pytest.raises(RequestError) as refused:
        store.annotate("trend", NAME, AnnotationChange(add_tags=("one_more",)))
    assert refused.value.path == "tags"
    assert len(store.describe("trend", NAME)["tags"]) == MAX_TAGS


def test_only_a_version_that_there_is_is_annotated(store, root):
    with pytest.raises(UnknownModel):
        store.annotate("nobody", NAME, AnnotationChange(note="x"))
    assert not (root / "nobody").exists()


def test_what_cannot_be_read_just_now_is_not_written_over(store, root):
    store.annotate("trend", NAME, AnnotationChange(note="kept", add_tags=("a",)))
    file = root / "trend" / NAME / "notes.json"
    aside = file.rename(root / "aside")
    file.symlink_to(file.name)  # a link to itself
    with pytest.raises(StorageError, match="notes"):
        store.annotate("trend", NAME, AnnotationChange(add_tags=("b",)))
    assert store.describe("trend", NAME)["note"] is None
    aside.rename(file)
    assert store.annotate("trend", NAME, AnnotationChange(add_tags=("b",))) == Annotation(note="kept", tags=("a", "b"))
