"""Where a version came from that another store had saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ImportedFrom:
    """What `metadata.json` keeps under `imported`: whose version it was, and the checksums of what it came in.

    The operation that trained it is another service's: an id of this one's could be the same.
    """

    model_id: str
    created_at: str
    operation_id: str | None
    manifest_sha256: str
    """The version's own: the same in whatever bundle it came."""
    bundle_sha256: str


def identity_of(origin: Mapping[str, Any]) -> tuple[str | None, ...]:
    """Return what is the same when a version is handed over, or imported, again; with None where nothing says it."""
    imported = origin.get("imported")
    if isinstance(imported, dict):
        return "imported", imported.get("manifest_sha256")
    return origin.get("operation_id"), origin.get("artifact_sha256")
