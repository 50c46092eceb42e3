"""The registry of trained models, the source of truth for what was trained.

A version is written to a temporary folder, read back, verified, and appears in one rename: at any instant a reader
finds whole versions only. Numbers rise for each model name and are never used twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ktrdr.errors import DamagedModel, StorageError
from ktrdr.results import TrainingResult
from ktrdr.storage.artifact import ModelArtifact
from ktrdr.storage.composition import Composition
from ktrdr.storage.contents import METADATA, from_json
from ktrdr.storage.encodings import Blob, encoding_of, raw_size_of, view_of
from ktrdr.storage.fingerprint import fingerprint_of
from ktrdr.storage.imported import ImportedFrom, identity_of
from ktrdr.storage.listing import numbers_in
from ktrdr.storage.loaded import LoadedModel
from ktrdr.storage.names import check_strategy_name, model_name
from ktrdr.storage.registry import ModelRegistry
from ktrdr.storage.unpacking import ReceivedArtifact, unpack
from ktrdr.storage.verification import read_files, read_model, result_in, verify_saved
from ktrdr.storage.versions import ModelVersion
from ktrdr.storage.writing import storage_errors


class ModelStorage(ModelRegistry):
    """The registry, and what goes into it and comes out: artifacts and loaded models."""

    def save_model(
        self, artifact: ModelArtifact, *, operation_id: str | None = None, artifact_sha256: str | None = None
    ) -> ModelVersion:
        """Save an artifact as the next version of its name, the latest, and return it once it is verified on disk.

        The same artifact (by checksum) of the same operation gives the version it got the first time, while that is
        whole.

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
            packed_size = view_of(blob).nbytes
            at_least = 2 * packed_size  # bytes: what it says of its raw size is not believed yet
            with storage_errors("Could not take the artifact", self._root, at_least):
                folder = held.enter_context(self._folders.receiving())
                artifact = unpack(blob, sha256, folder, self._files)
            yield ReceivedArtifact(artifact, sha256, encoding_of(blob), raw_size_of(blob), packed_size)

    def save_received(self, received: ReceivedArtifact, operation_id: str) -> ModelVersion:
        """Do as `save_model` with an artifact that travelled, once: its weights are moved.

        Raises
        ------
        StorageError
            As `save_model`.
        """
        return self._save(received.artifact, {"operation_id": operation_id, **received.origin})

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
        return self._folders.path(strategy, *self._lookup.find(strategy, name))

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
        """Read the model `{symbol}_{timeframe}_v{N}`, `..._latest` or `{symbol}_{timeframe}@{alias}`, verified.

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
        folder = self.folder_of(strategy, name)
        try:
            return read_model(folder, f"{strategy}/{folder.name}")
        except DamagedModel:
            if not folder.exists():  # deleted while it was read
                raise self._lookup.unknown(strategy, name) from None
            raise

    def fingerprint(self, strategy: str, name: str) -> tuple[str, str]:
        """Return a version's `model_id`, and a hash that another one has as soon as a file of it is another.

        Raises
        ------
        RequestError, UnknownModel
            As `load`.
        DamagedModel
            If there is no manifest.
        """
        folder = self.folder_of(strategy, name)
        model_id = f"{strategy}/{folder.name}"
        return model_id, fingerprint_of(folder, model_id)

    def result_of(self, operation_id: str, artifact_sha256: str | None = None) -> TrainingResult | None:
        """Return the result of the operation's training, from the model it made; None where it has made none.

        `artifact_sha256`: of that one artifact alone, where an earlier attempt may have made another model.

        Raises
        ------
        DamagedModel
            If it has made one that is not what was saved.
        StorageError
            If a version cannot be read just now: whether there is a model is not known.
        """
        with storage_errors(f"Could not look for the model of {operation_id}", self._root):
            for strategy in self._folders.strategies():
                for base, numbers in self._folders.versions(strategy).items():
                    for number in reversed(numbers):
                        folder = self._folders.path(strategy, base, number)
                        origin = _metadata_in(folder)
                        is_it = artifact_sha256 in (None, origin.get("artifact_sha256"))
                        if is_it and origin.get("operation_id") == operation_id:
                            with _read_errors_apart():
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
            model_id = f"{strategy}/{folder.name}"
            with suppress(OSError):  # one that cannot be read just now is not offered: a start does not fail for it
                metadata = _metadata_in(folder)
                if metadata.get("training_sha256") == training_sha256 and _is_whole(folder, model_id):
                    kept = {key: metadata[key] for key in ("operation_id", "created_at", "device")}
                    accuracy = numbers_in(folder).get("accuracy")
                    return {"model_id": model_id, "model_path": f"models/{model_id}", **kept, "test_accuracy": accuracy}
        return None

    def _save(self, artifact: ModelArtifact, origin: Mapping[str, Any]) -> ModelVersion:
        strategy, base = artifact.strategy, artifact.base_name
        at_least = 2 * artifact.weights.size  # bytes: the weights are stored plain and in the bundle
        doing = f"Could not save {strategy}/{base}"
        with storage_errors(doing, self._root, at_least), self._folders.changing(strategy, base):
            earlier = self._saved_before(strategy, base, origin)
            if earlier is not None:
                return earlier
            number = self._folders.next_version(strategy, base)
            version = ModelVersion.of(strategy, base, number, self._clock().isoformat(timespec="microseconds"))
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
            folder = self._folders.path(strategy, base, number)
            metadata = _metadata_in(folder)
            if identity_of(metadata) == given and _is_whole(folder, f"{strategy}/{folder.name}"):
                self._folders.point_latest(strategy, base, numbers[-1])  # a crash may have come in between
                return ModelVersion.of(strategy, base, number, metadata.get("created_at", ""))
        return None


def _metadata_in(folder: Path) -> dict[str, Any]:
    """Return a version's metadata, empty where it is damaged or gone; what cannot be read just now is an OSError."""
    try:
        return from_json((folder / METADATA).read_bytes(), METADATA)
    except (FileNotFoundError, StorageError):
        return {}


def _is_whole(folder: Path, model_id: str) -> bool:
    """Whether a version is what was saved; what cannot be read just now is an OSError."""
    try:
        with _read_errors_apart():
            read_files(folder, model_id)
    except DamagedModel:
        return False
    return True


@contextmanager
def _read_errors_apart() -> Iterator[None]:
    """Take what the operating system cannot read just now for no damage, where a commit is decided on."""
    try:
        yield
    except DamagedModel as error:
        if isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, FileNotFoundError):
            raise error.__cause__ from None
        raise
