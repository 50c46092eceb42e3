"""What names one saved model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelVersion:
    """One saved version. `path` is relative and reads `models/{strategy}/{name}`; `created_at` is ISO 8601 in UTC."""

    model_id: str
    strategy: str
    name: str
    version: int
    path: str
    created_at: str

    @classmethod
    def of(cls, strategy: str, base: str, version: int, created_at: str) -> ModelVersion:
        """Return version `version` of `{strategy}/{base}`."""
        name = f"{base}_v{version}"
        return cls(f"{strategy}/{name}", strategy, name, version, f"models/{strategy}/{name}", created_at)
