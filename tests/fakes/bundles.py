"""Bundles of small models, whole and tampered with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ktrdr.exchange.archive import Layout
from ktrdr.exchange.bundles import layout_of, offer_of, part_of
from ktrdr.exchange.offers import bundle_name
from ktrdr.exchange.record import KNOWN_FILES
from ktrdr.storage import ModelArtifact, ModelStorage, ModelVersion
from tests.fakes.artifacts import TREND, trained_artifact
from tests.fakes.files import QuickFiles
from tests.fakes.results import a_result

PART_SIZE = 1000
"""Small, so that a small bundle has many parts."""


def whole_artifact(seed: int = 0, document: dict[str, Any] = TREND) -> ModelArtifact:
    """Return what a training hands over with all that it says of itself."""
    said = a_result().model_dump(mode="json")
    metadata = {**said.pop("metadata"), "training_sha256": "ab" * 32}
    metrics = {key: said[key] for key in said if key not in ("success", "model_id", "model_path", "feature_names")}
    return trained_artifact(seed, document, metrics=metrics, metadata=metadata)


def a_store(root: Path, *documents: dict[str, Any], seed: int = 0) -> tuple[ModelStorage, list[ModelVersion]]:
    """Return a store with a version of each document."""
    store = ModelStorage(root, QuickFiles())
    return store, [
        store.save_model(whole_artifact(seed, document), operation_id="train-1", artifact_sha256=f"{seed}")
        for document in documents or (TREND,)
    ]


def fetch(store: ModelStorage, strategy: str, name: str, path: Path) -> str:
    """Write a version's bundle to a file, part by part, and return its SHA-256 as it was announced."""
    offer = offer_of(store, strategy, name)
    with path.open("xb") as file:
        for offset in range(0, offer.size, PART_SIZE):
            file.write(part_of(store, offer, offset, PART_SIZE))
    return offer.sha256


def a_bundle(folder: Path, document: dict[str, Any] = TREND, seed: int = 0) -> Path:
    """Write the bundle of a version that another store made, and return its path."""
    store, [version] = a_store(folder / f"other-{seed}", document, seed=seed)
    path = folder / bundle_name(version.model_id, f"ktrdr-{seed}")
    fetch(store, version.strategy, version.name, path)
    return path


def bundled(folder: Path, path: Path, names: tuple[str, ...] | None = None) -> Path:
    """Write a bundle of whatever files lie in a folder: its checksums are right, whatever is in them."""
    there = names or tuple(name for name in KNOWN_FILES if (folder / name).exists())
    path.write_bytes(bytes_of(layout_of(folder, there), folder))
    return path


def bytes_of(layout: Layout, folder: Path) -> bytes:
    """Return an archive whose files lie in a folder."""
    return layout.read(0, layout.size, lambda name, offset, n: (folder / name).read_bytes()[offset : offset + n])
