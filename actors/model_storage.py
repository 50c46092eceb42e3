"""ModelStorageActor: the registry of models on the head, and the checkpoints of trainings."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray

from actors.checkpoints import CheckpointKeeper
from actors.meters import STORAGE_METRICS, Meters, declared
from actors.parts import PART_SIZE
from ktrdr import exchange
from ktrdr.errors import CancellationError, DamagedArtifact, DamagedModel, StorageError
from ktrdr.results import TrainingResult
from ktrdr.storage import (
    AliasEntry,
    Annotation,
    AnnotationChange,
    Blob,
    Deleted,
    ModelFilter,
    ModelPage,
    ModelVersion,
    Pruned,
)

if TYPE_CHECKING:
    from ktrdr.exchange import BundleOffer
    from ktrdr.storage import ModelStorage, ReceivedArtifact

log = logging.getLogger("ktrdr.model_storage")


class ModelStorageActor:
    """Takes artifacts by reference, verifies and commits them. Undecorated; see `actors.house`.

    Its methods run on a few threads: a save never stands in the way of a listing.

    Parameters
    ----------
    storage
        The models there are.
    operations
        The OperationsActor's handle.
    checkpoints_folder
        Where the states of trainings are kept.
    meters
        What is measured here.
    get
        How Ray's objects are had.
    """

    def __init__(
        self,
        storage: ModelStorage,
        operations: Any,
        checkpoints_folder: Path,
        meters: Meters | None = None,
        get: Callable[[Any], Any] = ray.get,
    ) -> None:
        self._storage, self._operations, self._get = storage, operations, get
        self._meters = meters or Meters(STORAGE_METRICS)
        self._checkpoints = CheckpointKeeper(
            checkpoints_folder,
            may_keep=lambda *attempt: bool(get(operations.may_keep_checkpoint.remote(*attempt))),
            was_kept=lambda *attempt: get(operations.checkpoint_kept.remote(*attempt)),
        )
        self._committing = threading.Lock()
        try:
            storage.sweep()
        except StorageError as error:  # leftovers are harmless; an actor that cannot start would lose models
            log.warning("%s", error)

    def ping(self) -> str:
        """Answer, to say that the actor lives."""
        return "ok"

    def exposition(self) -> str:
        """Return what is measured here in Prometheus' text format."""
        return self._meters.text()

    def save(
        self, operation_id: str, attempt: int, sha256: str, blob: list[ray.ObjectRef[Any]], n_tries: int = 1
    ) -> ModelVersion:
        """Verify and commit the packed artifact behind the one reference in `blob`.

        The artifact is unpacked and checked first; then the operation is asked whether it may still commit, and only
        then a version comes to be. The same artifact handed over again is answered with the same version. `n_tries`:
        how often it was tried, with this call.

        Raises
        ------
        CancellationError
            If the operation may no longer commit: it was cancelled, or this attempt has ended.
        DamagedArtifact
            If the artifact is not what its checksum says, or cannot be unpacked.
        StorageError
            If it cannot be written, or its parts contradict each other.
        """
        if n_tries > 1:
            self._meters.count(declared.TRANSFER_RETRIES)
        packed = self._get(blob[0])  # an array: a view into the object store
        with self._received(packed, sha256) as received, self._committing:
            if not self._get(self._operations.begin_commit.remote(operation_id, attempt)):
                raise CancellationError("The operation ended before its model was saved")
            version = self._storage.save_received(received, operation_id)
        self._meters.observe(declared.RAW_SIZE, received.raw_size)
        self._meters.observe(declared.COMPRESSED_SIZE, received.packed_size)
        return version

    def result_of(self, operation_id: str, artifact_sha256: str | None = None) -> TrainingResult | None:
        """Return the result of the training whose model was committed for the operation, or None.

        A save under way is waited for: it may have outlived the process that handed it over. A model that is damaged
        since is none: its training is made again. `artifact_sha256` as in `ModelStorage.result_of`.

        Raises
        ------
        StorageError
            If it cannot be told just now.
        """
        with self._committing:
            try:
                return self._storage.result_of(operation_id, artifact_sha256)
            except DamagedModel as damaged:
                log.warning("%s made a model that cannot be used: %s", operation_id, damaged.message)
                return None

    def identical(
        self, strategy: str, symbols: Sequence[str], timeframe: str, training_sha256: str
    ) -> dict[str, Any] | None:
        """Return the newest whole model that the same training made, in short; None where there is none."""
        return self._storage.identical(strategy, symbols, timeframe, training_sha256)

    def save_checkpoint(self, operation_id: str, attempt: int, blob: list[ray.ObjectRef[Any]]) -> None:
        """Keep the state behind the one reference in `blob` as the operation's newest.

        Raises
        ------
        StorageError
            If the attempt has ended, or it could not be written.
        """
        self._checkpoints.save(operation_id, attempt, self._get(blob[0]))

    def latest_checkpoint(self, operation_id: str) -> bytes | None:
        """Return the operation's newest whole state; None where there is none."""
        return self._checkpoints.latest(operation_id)

    def clear_checkpoints(self, operation_id: str) -> None:
        """Forget the states of an operation that is over."""
        self._checkpoints.clear(operation_id)

    def list_models(self, strategy: str | None = None) -> list[dict[str, Any]]:
        """Return the versions there are, newest first."""
        return self._storage.list_models(strategy)

    def page_models(self, strategy: str | None, chosen: ModelFilter, limit: int, cursor: str | None) -> ModelPage:
        """Return some of the versions that are asked for, newest first."""
        return self._storage.page_models(strategy, chosen, limit, cursor)

    def describe(self, strategy: str, name: str) -> dict[str, Any]:
        """Return all that is known of one version."""
        return self._storage.describe(strategy, name)

    def list_aliases(self, strategy: str) -> list[dict[str, Any]]:
        """Return what the aliases of a strategy's models name and named."""
        return self._storage.list_aliases(strategy)

    def set_alias(self, strategy: str, name: str, alias: str, by: str | None) -> AliasEntry:
        """Let an alias name a version."""
        return self._storage.set_alias(strategy, name, alias, by)

    def remove_alias(self, strategy: str, name: str, alias: str, by: str | None) -> AliasEntry:
        """Let an alias of a version name nothing."""
        return self._storage.remove_alias(strategy, name, alias, by)

    def annotate(self, strategy: str, name: str, change: AnnotationChange) -> Annotation:
        """Change the note and the tags of a version."""
        return self._storage.annotate(strategy, name, change)

    def name_of(self, strategy: str, name: str) -> str:
        """Return the version that a name stands for now."""
        return self._storage.name_of(strategy, name)

    def latest_of(self, strategy: str, name: str) -> str | None:
        """Return the newest version of the model that a version is, or was, one of."""
        return self._storage.latest_of(strategy, name)

    def delete_model(self, strategy: str, name: str) -> Deleted:
        """Delete a version."""
        return self._storage.delete_model(strategy, name)

    def prune(self, keep: int, strategy: str | None, dry_run: bool) -> Pruned:
        """Delete all but the newest `keep` versions of every model name."""
        return self._storage.prune(keep, strategy, dry_run)

    def offer_bundle(self, strategy: str, name: str) -> BundleOffer:
        """Return a version as it can be read part by part; it has been verified against its manifest."""
        return exchange.offer_of(self._storage, strategy, name)

    def bundle_part(self, offer: BundleOffer, offset: int) -> bytes:
        """Return the part of an offered bundle that begins at an offset."""
        return exchange.part_of(self._storage, offer, offset, PART_SIZE)

    def import_bundle(self, path: Path) -> ModelVersion:
        """Save the model in a bundle, a file on this machine, as the next version of its name."""
        return exchange.import_bundle(self._storage, path)

    @contextmanager
    def _received(self, packed: Blob, sha256: str) -> Iterator[ReceivedArtifact]:
        with ExitStack() as held:
            try:
                received = held.enter_context(self._storage.receive(packed, sha256))
            except DamagedArtifact:
                self._meters.count(declared.DAMAGED_ARTIFACTS)
                raise
            yield received
