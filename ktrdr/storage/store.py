"""The registry of trained models, the source of truth for what was trained.

A version is written to a temporary folder, read back, verified, and appears in one rename: at any instant a reader
finds whole versions only. Numbers rise for each model name and are never used twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ktrdr.errors import DamagedModel, StorageError, UnknownModel
from ktrdr.results import TrainingResult
from ktrdr.storage.artifact import ModelArtifact
from ktrdr.storage.composition import Composition
from ktrdr.storage.contents import FEATURES, METADATA, METRICS, from_json
from ktrdr.storage.encodings import Blob, encoding_of, raw_size_of, view_of
from ktrdr.storage.folders import VersionFolders
from ktrdr.storage.imported import ImportedFrom, identity_of
from ktrdr.storage.loaded import LoadedModel
from ktrdr.storage.names import check_strategy_name, model_name, parse_version
from ktrdr.storage.unpacking import ReceivedArtifact, unpack
from ktrdr.storage.verification import manifest_in, read_files, read_model, result_in, verify_saved
from ktrdr.storage.versions import ModelVersion
from ktrdr.storage.writing import FileLayer, storage_errors


class ModelStorage:
    """Models under one folder, which need not exist yet.

    Parameters
    ----------
    root
        The `models/` folder.
    files
        How the file system is changed; another one lets a test fail at any step.
    """

    def __init__(self, root: Path, files: FileLayer | None = None) -> None:
        self._root = root
        self._files = files or FileLayer()
        self._folders = VersionFolders(root, self._files)

    def save_model(
        self, artifact: ModelArtifact, *, operation_id: str | None = None, artifact_sha256: str | None = None
    ) -> ModelVersion:
        """Save an artifact as the next version of its name, the latest, and return it once it is verified on disk.

        The same artifact (by checksum) of the same operation gives the version it got the first time.

        Raises
        ------
        StorageError
            If its parts contradict each other, it cannot be written, or is not what was trained when read back; the
            store is then as it was.
        """
        return self._save(artifact, {"operation_id": operation_id, "artifact_sha256": artifact_sha256})

    @contextmanager
    def receive(self, blob: Blob, sha256: str) -> Iterator[ReceivedArtifact]:
        """Unpack a blob and hold it ready for `save_received`; what was not saved is gone at the end.

        Raises
        ------
        DamagedArtifact
            If it is not what its checksum says, too large, or nothing that can be unpacked.
        StorageError
            If there is no room for it.
        """
        with ExitStack() as held:
            at_least = view_of(blob).nbytes  # what it says of its raw size is not believed yet
            with storage_errors("Could not take the artifact", self._root, at_least):
                folder = held.enter_context(self._folders.receiving())
                artifact = unpack(blob, sha256, folder, self._files)
            yield ReceivedArtifact(artifact, sha256, encoding_of(blob), raw_size_of(blob), at_least)

    def save_received(self, received: ReceivedArtifact, operation_id: str) -> ModelVersion:
        """Do as `save_model` with an artifact that travelled, once: its weights are moved.

        Raises
        ------
        StorageError
            As `save_model`.
        """
        origin = {
            "operation_id": operation_id,
            "artifact_sha256": received.sha256,
            "artifact_encoding": received.encoding,
            "artifact_raw_size": received.raw_size,
            "artifact_packed_size": received.packed_size,
        }
        return self._save(received.artifact, origin)

    @contextmanager
    def receiving(self, n_bytes: int) -> Iterator[Path]:
        """Yield a folder for a version of `n_bytes` that comes from elsewhere; what is in it is gone at the end.

        Raises
        ------
        StorageError
            If there is no room for it.
        """
        with storage_errors("Could not take the model", self._root, n_bytes), self._folders.receiving() as folder:
            yield folder

    def save_imported(self, artifact: ModelArtifact, imported: ImportedFrom) -> ModelVersion:
        """Do as `save_model` with what another store had saved; the same version of it gives one version here.

        Raises
        ------
        StorageError
            As `save_model`.
        """
        return self._save(artifact, {"operation_id": None, "artifact_sha256": None, "imported": asdict(imported)})

    def folder_of(self, strategy: str, name: str) -> Path:
        """Return the folder of a version; what is in it is not looked at.

        Raises
        ------
        RequestError, UnknownModel
            As `load`.
        """
        return self._folders.path(strategy, *self._find(strategy, name))

    def load_model(self, strategy: str, symbol: str, timeframe: str, version: int | None = None) -> LoadedModel:
        """Read a model, its latest version unless told; several symbols are joined by `+`.

        Raises
        ------
        RequestError, UnknownModel, DamagedModel, StorageError
            As `load`.
        """
        base = model_name(symbol.split("+"), timeframe)
        return self.load(strategy, f"{base}_latest" if version is None else f"{base}_v{version}")

    def load(self, strategy: str, name: str) -> LoadedModel:
        """Read the model `{symbol}_{timeframe}_v{N}` or `..._latest`, verified against its manifest.

        Raises
        ------
        RequestError
            If a name is malformed.
        UnknownModel
            Naming the models there are.
        DamagedModel
            Naming the file that is not what was saved, or contradicts another.
        StorageError
            If this version of ktrdr cannot read the strategy that the model was trained from.
        """
        base, number = self._find(strategy, name)
        folder = self._folders.path(strategy, base, number)
        try:
            return read_model(folder, f"{strategy}/{folder.name}")
        except DamagedModel:
            if not folder.exists():  # deleted while it was read
                raise self._unknown(strategy, name) from None
            raise

    def describe(self, strategy: str, name: str) -> dict[str, Any]:
        """Return what is known of one version; `damaged` names a file that is not what was saved, else it is None.

        Raises
        ------
        RequestError
            If a name is malformed.
        UnknownModel
            Naming the models there are.
        """
        base, number = self._find(strategy, name)
        folder = self._folders.path(strategy, base, number)
        model_id = f"{strategy}/{folder.name}"
        files, damaged = [], None
        try:
            entries = manifest_in(folder, model_id).files
            files = [{"name": file, "sha256": entry.sha256, "size": entry.size} for file, entry in entries.items()]
            read_files(folder, model_id)
        except DamagedModel as error:
            damaged = error.file
        features = _readable(folder, FEATURES)
        return {
            **self._identity(strategy, base, number, self._find(strategy, f"{base}_latest")[1]),
            "metrics": _readable(folder, METRICS),
            "features": features.get("features", []),
            "files": files,
            "damaged": damaged,
        }

    def list_models(self, strategy: str | None = None) -> list[dict[str, Any]]:
        """Return every version, newest first, with its accuracy on held-out rows beside that of the majority class.

        What cannot be read of a damaged version is None.

        Raises
        ------
        RequestError
            If the strategy's name is malformed.
        """
        strategies = self._folders.strategies() if strategy is None else [check_strategy_name(strategy)]
        found = [
            {**self._identity(owner, base, number, numbers[-1]), **_accuracies(self._folders.path(owner, base, number))}
            for owner in strategies
            for base, numbers in self._folders.versions(owner).items()
            for number in numbers
        ]
        return sorted(found, key=lambda model: (model["created_at"] or "", model["version"]), reverse=True)

    def result_of(self, operation_id: str) -> TrainingResult | None:
        """Return the result of the operation's training, from the model it made; None where it has made none."""
        for strategy in self._folders.strategies():
            for base, numbers in self._folders.versions(strategy).items():
                for number in reversed(numbers):
                    folder = self._folders.path(strategy, base, number)
                    if _readable(folder, METADATA).get("operation_id") == operation_id:
                        return result_in(folder, f"{strategy}/{folder.name}")
        return None

    def identical(
        self, strategy: str, symbols: Sequence[str], timeframe: str, training_sha256: str
    ) -> dict[str, Any] | None:
        """Return the newest whole version that the same training made, in short; None where there is none.

        Raises
        ------
        RequestError
            If a name is malformed.
        """
        check_strategy_name(strategy)
        base = model_name(symbols, timeframe)
        for number in reversed(self._folders.versions(strategy).get(base, [])):
            folder = self._folders.path(strategy, base, number)
            model_id, metadata = f"{strategy}/{folder.name}", _readable(folder, METADATA)
            if metadata.get("training_sha256") == training_sha256 and _is_whole(folder, model_id):
                kept = {key: metadata[key] for key in ("operation_id", "created_at", "device")}
                accuracy = _accuracies(folder)["test_accuracy"]
                return {"model_id": model_id, "model_path": f"models/{model_id}", **kept, "test_accuracy": accuracy}
        return None

    def delete_model(self, strategy: str, name: str) -> str:
        """Delete one version and return its `model_id`; the one before becomes the latest, the number stays used.

        Raises
        ------
        RequestError, UnknownModel
            As `load`.
        StorageError
            If the folder cannot be changed.
        """
        base, _ = self._find(strategy, name)
        with storage_errors(f"Could not delete {strategy}/{name}", self._root), self._folders.changing(strategy, base):
            base, number = self._find(strategy, name)  # again, now that nobody else changes it
            self._folders.discard(strategy, base, number)
        return f"{strategy}/{base}_v{number}"

    def sweep(self) -> int:
        """Remove what unfinished saves left behind and return how much it was; call it once, at start.

        Raises
        ------
        StorageError
            If it cannot be removed.
        """
        with storage_errors("Could not sweep the model store", self._root):
            return self._folders.sweep()

    def _save(self, artifact: ModelArtifact, origin: Mapping[str, Any]) -> ModelVersion:
        strategy, base = artifact.strategy, artifact.base_name
        at_least = 2 * artifact.weights.size  # bytes: the weights are stored plain and in the bundle
        doing = f"Could not save {strategy}/{base}"
        with storage_errors(doing, self._root, at_least), self._folders.changing(strategy, base):
            earlier = self._saved_before(strategy, base, origin)
            if earlier is not None:
                return earlier
            number = self._folders.next_version(strategy, base)
            version = ModelVersion.of(strategy, base, number, datetime.now(UTC).isoformat(timespec="microseconds"))
            self._write(version, base, Composition(version, artifact, origin))
            return version

    def _write(self, version: ModelVersion, base: str, composition: Composition) -> None:
        with (
            storage_errors(f"Could not save {version.model_id}", self._root, composition.size),
            self._folders.temporary() as folder,
        ):
            composition.write(self._files, folder)
            try:
                verify_saved(folder, version.model_id)
            except DamagedModel as error:
                _, file, reason = error.args
                raise StorageError(
                    f"{version.model_id} was not saved: read back from disk, {file} {reason}.",
                    "Check the disk, then hand the artifact over again.",
                ) from error
            self._folders.commit(folder, version.strategy, base, version.version)

    def _saved_before(self, strategy: str, base: str, origin: Mapping[str, Any]) -> ModelVersion | None:
        given = identity_of(origin)
        if None in given:
            return None
        numbers = self._folders.versions(strategy).get(base, [])
        for number in reversed(numbers):
            metadata = _readable(self._folders.path(strategy, base, number), METADATA)
            if identity_of(metadata) == given:
                self._folders.point_latest(strategy, base, numbers[-1])  # a crash may have come in between
                return ModelVersion.of(strategy, base, number, metadata.get("created_at", ""))
        return None

    def _find(self, strategy: str, name: str) -> tuple[str, int]:
        check_strategy_name(strategy)
        base, wanted = parse_version(name)
        numbers = self._folders.versions(strategy).get(base, [])
        if not numbers or (wanted != "latest" and wanted not in numbers):
            raise self._unknown(strategy, name)
        return base, numbers[-1] if wanted == "latest" else wanted

    def _unknown(self, strategy: str, name: str) -> UnknownModel:
        own = self._folders.versions(strategy)
        shown = (
            {strategy: own} if own else {other: self._folders.versions(other) for other in self._folders.strategies()}
        )
        known = tuple(
            f"{owner}/{base}_v{number}"
            for owner, bases in shown.items()
            for base, numbers in bases.items()
            for number in numbers
        )
        return UnknownModel(f"{strategy}/{name}", known)

    def _identity(self, strategy: str, base: str, number: int, newest: int) -> dict[str, Any]:
        folder = self._folders.path(strategy, base, number)
        metadata = _readable(folder, METADATA)
        timeframe = metadata.get("timeframe")
        return {
            "model_id": f"{strategy}/{folder.name}",
            "strategy": strategy,
            "name": folder.name,
            "version": number,
            "is_latest": number == newest,
            "symbols": metadata.get("symbols", []),
            "timeframes": [] if timeframe is None else [timeframe],
            "created_at": metadata.get("created_at"),
            "operation_id": metadata.get("operation_id"),
        }


def _is_whole(folder: Path, model_id: str) -> bool:
    try:
        read_files(folder, model_id)
    except DamagedModel:
        return False
    return True


def _readable(folder: Path, file: str) -> dict[str, Any]:
    """Return a JSON file's contents, empty where it is damaged: a listing shows the others."""
    try:
        return from_json((folder / file).read_bytes(), file)
    except (OSError, StorageError):
        return {}


def _accuracies(folder: Path) -> dict[str, Any]:
    test = _readable(folder, METRICS).get("test_metrics") or {}
    return {"test_accuracy": test.get("accuracy"), "majority_baseline": (test.get("baseline") or {}).get("majority")}
