"""From an artifact to the files of a version, of which none contradicts another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ktrdr.errors import StorageError
from ktrdr.storage.agreement import check_contract, check_naming, strategy_in
from ktrdr.storage.artifact import ModelArtifact
from ktrdr.storage.contents import (
    BUNDLE,
    CONFIG,
    FEATURES,
    MANIFEST,
    METADATA,
    METRICS,
    WEIGHTS,
    manifest_of,
    read_contract,
    to_json,
)
from ktrdr.storage.versions import ModelVersion
from ktrdr.storage.weights import bundle_of, network_with, read_weights


def files_of(artifact: ModelArtifact, version: ModelVersion, origin: Mapping[str, str | None]) -> dict[str, bytes]:
    """Return the files of a version by name, refusing what could not be read back.

    Parameters
    ----------
    origin
        `operation_id` and `artifact_sha256`, kept with the metadata.

    Raises
    ------
    StorageError
        Naming the file that cannot be used, or contradicts the strategy, and what is wrong with it.
    """
    model_id = version.model_id
    contract = read_contract(artifact.features)
    with _in_file(WEIGHTS, model_id):
        state = read_weights(artifact.weights)
        network_with(contract, state)
    strategy = strategy_in(artifact.config, model_id)
    with _in_file(CONFIG, model_id):
        check_naming(strategy, model_id)
    with _in_file(FEATURES, model_id):
        check_contract(contract, strategy)
    ids = {"model_id": model_id, "version": version.version, "created_at": version.created_at}
    files = {
        WEIGHTS: artifact.weights,
        BUNDLE: bundle_of(model_id, contract, state),
        CONFIG: to_json(artifact.config, CONFIG),
        METRICS: to_json(artifact.metrics, METRICS),
        FEATURES: to_json(artifact.features, FEATURES),
        METADATA: to_json({**ids, **origin, **artifact.named_metadata}, METADATA),
    }
    return {**files, MANIFEST: manifest_of(files)}


@contextmanager
def _in_file(file: str, model_id: str) -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        message = f"{file} of {model_id}: {error.message.rstrip('.')}."
        raise StorageError(message, "Have the node send it again, or train again.") from error
