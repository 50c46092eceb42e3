"""Notes and tags: what people say of a version.

They lie in its folder as `notes.json`, which no manifest vouches for: they change, and go with the version.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ktrdr.errors import RequestError, StorageError
from ktrdr.storage.contents import from_json, to_json
from ktrdr.storage.names import check_tag

FILE = "notes.json"
MAX_NOTE = 4_000
MAX_TAGS = 32


class Annotation(BaseModel):
    """A version's note and its tags, sorted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnnotationChange:
    """What becomes of a note and of tags; what is None stays. An empty note is none. `tags` replaces them all.

    Raises
    ------
    RequestError
        If the note is too long or has control characters in it, or a tag is malformed.
    """

    note: str | None = None
    tags: tuple[str, ...] | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.note is not None:
            _check_note(self.note)
        for tag in (*(self.tags or ()), *self.add_tags, *self.remove_tags):
            check_tag(tag)

    def applied_to(self, before: Annotation) -> Annotation:
        """Return the annotation as it is then.

        Raises
        ------
        RequestError
            If there would be too many tags.
        """
        tags = ({*(before.tags if self.tags is None else self.tags)} | {*self.add_tags}) - {*self.remove_tags}
        if len(tags) > MAX_TAGS:
            raise RequestError("tags", f"A version has at most {MAX_TAGS} tags.", "Remove some first.")
        note = before.note if self.note is None else self.note.strip() or None
        return Annotation(note=note, tags=tuple(sorted(tags)))


def annotation_in(folder: Path) -> Annotation:
    """Return the annotation of the version in a folder; none where it has none, or one that cannot be read."""
    try:
        return annotation_to_change(folder)
    except OSError:
        return Annotation()


def annotation_to_change(folder: Path) -> Annotation:
    """Do as `annotation_in`, but what cannot be read just now is an OSError: it is not written over."""
    try:
        return Annotation.model_validate(from_json((folder / FILE).read_bytes(), FILE))
    except (FileNotFoundError, StorageError, ValidationError):
        return Annotation()


def content_of(annotation: Annotation) -> bytes:
    """Return the file of an annotation."""
    document: dict[str, Any] = annotation.model_dump(mode="json")
    return to_json(document, FILE)


def _check_note(note: str) -> None:
    if len(note) > MAX_NOTE:
        raise RequestError("note", f"The note has {len(note):,} characters.", f"Write at most {MAX_NOTE:,}.")
    if any(unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t" for character in note):
        raise RequestError("note", "The note has control characters in it.", "Write text, in lines.")
