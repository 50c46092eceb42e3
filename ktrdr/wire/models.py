"""What a client may ask of stored models."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ktrdr.storage import AnnotationChange, ModelFilter


class ModelQuery(ModelFilter):
    """The query of `GET /models` and `GET /models/{strategy}`."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: str | None = None

    @property
    def chosen(self) -> ModelFilter:
        """Which models are asked for, whatever the page."""
        return ModelFilter(**self.model_dump(include=set(ModelFilter.model_fields)))


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AliasRequest(_Request):
    """Body of `PUT` and `DELETE /models/{strategy}/{name}/aliases/{alias}`."""

    by: str | None = Field(default=None, description="Who says so; kept in the history")


class AnnotationRequest(_Request):
    """Body of `PATCH /models/{strategy}/{name}`. What is absent stays; a note that is null or empty is removed."""

    note: str | None = None
    tags: list[str] | None = Field(default=None, description="In place of those there are")
    add_tags: list[str] = []
    remove_tags: list[str] = []

    @property
    def change(self) -> AnnotationChange:
        """What is asked, judged."""
        note = "" if "note" in self.model_fields_set and self.note is None else self.note
        tags = None if self.tags is None else tuple(self.tags)
        return AnnotationChange(note, tags, tuple(self.add_tags), tuple(self.remove_tags))


class PruneRequest(_Request):
    """Body of `POST /models/prune`."""

    keep: Annotated[int, Field(ge=1)] = Field(description="How many of the newest versions of every model name stay")
    strategy: str | None = Field(default=None, description="Only its models")
    dry_run: bool = Field(default=False, description="Only say what would be deleted")
