"""From a bundle to the next version of its name in this store."""

from __future__ import annotations

from pathlib import Path

from ktrdr.errors import BadBundle, RequestError, StorageError
from ktrdr.exchange.unpacking import UnpackedBundle, unpack_bundle
from ktrdr.exchange.verifying import verified
from ktrdr.storage import ModelArtifact, ModelStorage, ModelVersion, WeightsFile
from ktrdr.storage.artifact import STORE_KEYS
from ktrdr.storage.contents import CONFIG, FEATURES, METADATA, METRICS, WEIGHTS, from_json
from ktrdr.storage.imported import ImportedFrom
from ktrdr.storage.writing import storage_errors


def import_bundle(storage: ModelStorage, path: Path) -> ModelVersion:
    """Save the model in a bundle as the next version of its name, and return it once it is verified on disk.

    The same version gives the version it got the first time, in whatever bundle it comes. Its metadata say under
    `imported` where it came from; the ids of its operation are not this store's.

    Raises
    ------
    BadBundle
        Naming what is wrong; the store is then as it was.
    StorageError
        If it cannot be written.
    """
    with storage_errors("Could not read the bundle", path.parent):
        size = path.stat().st_size
    with storage.receiving(size) as folder:
        bundle = unpack_bundle(path, folder)
        verified(bundle)
        artifact, imported = _taken_from(bundle)
        return storage.save_imported(artifact, imported)


def _taken_from(bundle: UnpackedBundle) -> tuple[ModelArtifact, ImportedFrom]:
    documents = {
        name: from_json((bundle.folder / name).read_bytes(), name) for name in (CONFIG, METRICS, FEATURES, METADATA)
    }
    metadata = documents[METADATA]
    strategy, symbols, timeframe = (metadata.pop(key, None) for key in ("strategy", "symbols", "timeframe"))
    operation_id = metadata.get("operation_id")
    is_of_form = (
        isinstance(strategy, str)
        and isinstance(symbols, list)
        and isinstance(timeframe, str)
        and isinstance(metadata.get("created_at"), str)
        and isinstance(operation_id, str | None)
    )
    if not is_of_form:
        raise BadBundle(METADATA, "does not name strategy, symbols, timeframe, operation and time")
    imported = ImportedFrom(
        bundle.model_id, metadata["created_at"], operation_id, bundle.manifest_sha256, bundle.sha256
    )
    try:
        artifact = ModelArtifact(
            strategy,
            tuple(symbols),
            timeframe,
            weights=WeightsFile(bundle.folder / WEIGHTS, bundle.weights),
            config=documents[CONFIG],
            metrics=documents[METRICS],
            features=documents[FEATURES],
            metadata={key: value for key, value in metadata.items() if key not in STORE_KEYS},
        )
    except (RequestError, StorageError) as error:
        raise BadBundle(METADATA, f"names what no model is named after: {error}") from error
    if f"{strategy}/{artifact.base_name}" != bundle.model_id.rpartition("_v")[0]:
        raise BadBundle(METADATA, f"is of {strategy}/{artifact.base_name}, and the model is {bundle.model_id}")
    return artifact, imported
