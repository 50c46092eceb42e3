"""What the service answers to a bundle."""

from __future__ import annotations

from pydantic import BaseModel

from ktrdr.storage import ModelVersion


class ImportedModel(BaseModel):
    """The version that a bundle became; `model_path` is relative, `created_at` ISO 8601 in UTC."""

    model_id: str
    strategy: str
    name: str
    version: int
    model_path: str
    created_at: str

    @classmethod
    def of(cls, version: ModelVersion) -> ImportedModel:
        """Return what is answered of a version."""
        return cls(
            model_id=version.model_id,
            strategy=version.strategy,
            name=version.name,
            version=version.version,
            model_path=version.path,
            created_at=version.created_at,
        )
