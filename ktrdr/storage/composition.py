"""From an artifact to the files of a version, of which none contradicts another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ktrdr.errors import StorageError
from ktrdr.storage.agreement import check_contract, check_naming, strategy_in
from ktrdr.storage.artifact import ModelArtifact, Weights, WeightsFile
from ktrdr.storage.conditions import check_request, check_threads
from ktrdr.storage.contents import (
    BUNDLE,
    CONFIG,
    FEATURES,
    MANIFEST,
    METADATA,
    METRICS,
    WEIGHTS,
    FileEntry,
    entry_of,
    manifest_of,
    read_contract,
    to_json,
)
from ktrdr.storage.measuring import write_measured
from ktrdr.storage.versions import ModelVersion
from ktrdr.storage.weights import bundle_of, network_with, read_weights
from ktrdr.storage.writing import FileLayer


class Composition:
    """The files of one version, written in order; what could not be read back is refused.

    Parameters
    ----------
    version
        Whose files they are.
    artifact
        What was trained. Weights that lie in a file are moved, others written: they are in memory once.
    origin
        What is kept with the metadata of the operation and the blob the artifact came in.

    Raises
    ------
    StorageError
        If the JSON files hold what JSON cannot carry, or `features.json` contradicts itself.
    """

    def __init__(self, version: ModelVersion, artifact: ModelArtifact, origin: Mapping[str, Any]) -> None:
        self._artifact, self._model_id = artifact, version.model_id
        self._contract = read_contract(artifact.features)
        ids = {"model_id": version.model_id, "version": version.version, "created_at": version.created_at}
        self._documents = {
            CONFIG: to_json(artifact.config, CONFIG),
            METRICS: to_json(artifact.metrics, METRICS),
            FEATURES: to_json(artifact.features, FEATURES),
            METADATA: to_json({**ids, **origin, **artifact.named_metadata}, METADATA),
        }

    @property
    def size(self) -> int:
        """Bytes on disk: the weights are stored plain and in the bundle."""
        return 2 * self._artifact.weights.size + sum(map(len, self._documents.values()))

    def write(self, files: FileLayer, folder: Path) -> None:
        """Write a folder of files, durably.

        Raises
        ------
        StorageError
            Naming the file that cannot be used, or contradicts the strategy, and what is wrong with it.
        OSError
            If it cannot be written.
        """
        files.make_folder(folder)
        entries = {WEIGHTS: _placed(files, self._artifact.weights, folder / WEIGHTS)}
        with self._in_file(WEIGHTS):
            state = read_weights(folder / WEIGHTS, is_mapped=True)
            network_with(self._contract, state)
        strategy = strategy_in(self._artifact.config, self._model_id)
        with self._in_file(CONFIG):
            check_naming(strategy, self._model_id)
            check_request(self._artifact.config, self._model_id)
        with self._in_file(METADATA):
            check_threads(self._artifact.metadata)
        with self._in_file(FEATURES):
            check_contract(self._contract, strategy)
        bundle = bundle_of(self._model_id, self._contract, state)
        entries[BUNDLE] = write_measured(files, folder / BUNDLE, bundle.write_to)
        for name, content in self._documents.items():
            files.write(folder / name, content)
            entries[name] = entry_of(content)
        files.write(folder / MANIFEST, manifest_of(entries))
        files.sync_folder(folder)

    @contextmanager
    def _in_file(self, file: str) -> Iterator[None]:
        try:
            yield
        except StorageError as error:
            message = f"{file} of {self._model_id}: {error.message.rstrip('.')}."
            raise StorageError(message, "Have the node send it again, or train again.") from error


def _placed(files: FileLayer, weights: Weights, path: Path) -> FileEntry:
    if isinstance(weights, WeightsFile):
        files.rename(weights.path, path)
        return weights.entry
    return write_measured(files, path, weights.write_to)
