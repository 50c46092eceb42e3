"""The registry of trained models, the source of truth for what was trained.

A version is written to a temporary folder, read back, verified, and appears in one rename: at any instant a reader
finds whole versions only. Numbers rise for each model name and are never used twice.
"""

from __future__ import annotations

from ktrdr.errors import DamagedModel, StorageError
from ktrdr.results import TrainingResult
from ktrdr.storage.artifact import ModelArtifact
from ktrdr.storage.composition import files_of
from ktrdr.storage.contents import METADATA
from ktrdr.storage.listing import readable
from ktrdr.storage.loaded import LoadedModel
from ktrdr.storage.names import model_name
from ktrdr.storage.registry import ModelRegistry
from ktrdr.storage.verification import read_model, result_in, verify_saved
from ktrdr.storage.versions import ModelVersion
from ktrdr.storage.writing import storage_errors


class ModelStorage(ModelRegistry):
    """The registry, and what goes into it and comes out: artifacts and loaded models."""

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
        strategy, base = artifact.strategy, artifact.base_name
        at_least = 2 * len(artifact.weights)  # bytes: the weights are stored plain and in the bundle
        doing = f"Could not save {strategy}/{base}"
        with storage_errors(doing, self._root, at_least), self._folders.changing(strategy, base):
            earlier = self._saved_before(strategy, base, operation_id, artifact_sha256)
            if earlier is not None:
                return earlier
            number = self._folders.next_version(strategy, base)
            version = ModelVersion.of(strategy, base, number, self._clock().isoformat(timespec="microseconds"))
            origin = {"operation_id": operation_id, "artifact_sha256": artifact_sha256}
            self._write(version, base, files_of(artifact, version, origin))
            return version

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
        base, number = self._lookup.find(strategy, name)
        folder = self._folders.path(strategy, base, number)
        try:
            return read_model(folder, f"{strategy}/{folder.name}")
        except DamagedModel:
            if not folder.exists():  # deleted while it was read
                raise self._lookup.unknown(strategy, name) from None
            raise

    def result_of(self, operation_id: str) -> TrainingResult | None:
        """Return the result of the operation's training, from the model it made; None where it has made none."""
        for strategy in self._folders.strategies():
            for base, numbers in self._folders.versions(strategy).items():
                for number in reversed(numbers):
                    folder = self._folders.path(strategy, base, number)
                    if readable(folder, METADATA).get("operation_id") == operation_id:
                        return result_in(folder, f"{strategy}/{folder.name}")
        return None

    def _write(self, version: ModelVersion, base: str, contents: dict[str, bytes]) -> None:
        needed = sum(map(len, contents.values()))
        with (
            storage_errors(f"Could not save {version.model_id}", self._root, needed),
            self._folders.temporary() as folder,
        ):
            self._folders.write(folder, contents)
            try:
                verify_saved(folder, version.model_id)
            except DamagedModel as error:
                _, file, reason = error.args
                raise StorageError(
                    f"{version.model_id} was not saved: read back from disk, {file} {reason}.",
                    "Check the disk, then hand the artifact over again.",
                ) from error
            self._folders.commit(folder, version.strategy, base, version.version)

    def _saved_before(
        self, strategy: str, base: str, operation_id: str | None, sha256: str | None
    ) -> ModelVersion | None:
        if operation_id is None or sha256 is None:
            return None
        numbers = self._folders.versions(strategy).get(base, [])
        for number in reversed(numbers):
            metadata = readable(self._folders.path(strategy, base, number), METADATA)
            if (metadata.get("operation_id"), metadata.get("artifact_sha256")) == (operation_id, sha256):
                self._folders.point_latest(strategy, base, numbers[-1])  # a crash may have come in between
                return ModelVersion.of(strategy, base, number, metadata.get("created_at", ""))
        return None
