"""Reading a version back: believing only what its manifest vouches for, and only where its parts belong together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ktrdr.errors import DamagedModel, StorageError
from ktrdr.features import inputs_from
from ktrdr.results import TrainingResult
from ktrdr.results.training import TrainingMetadata
from ktrdr.storage.agreement import check_bundle, check_contract, check_naming, strategy_in
from ktrdr.storage.conditions import check_request, check_threads
from ktrdr.storage.contents import (
    BUNDLE,
    CONFIG,
    FEATURES,
    MANIFEST,
    METADATA,
    METRICS,
    STORED_FILES,
    WEIGHTS,
    FeatureContract,
    FileEntry,
    Manifest,
    entry_of,
    from_json,
    read_contract,
    read_manifest,
)
from ktrdr.storage.loaded import LoadedModel
from ktrdr.storage.probe import probe_difference
from ktrdr.storage.weights import network_with, read_bundle, read_weights


def manifest_in(folder: Path, model_id: str) -> Manifest:
    """Return the manifest of a version.

    Raises
    ------
    DamagedModel
        If there is none that can be read.
    """
    content = _read(folder, MANIFEST, model_id)
    try:
        return read_manifest(content)
    except StorageError as error:
        raise DamagedModel(model_id, MANIFEST, f"cannot be read: {error.message.rstrip('.')}") from error


def read_files(folder: Path, model_id: str) -> dict[str, bytes]:
    """Return the JSON files; every stored file is compared with the manifest.

    Raises
    ------
    DamagedModel
        Naming the first file that is missing or differs.
    """
    manifest = manifest_in(folder, model_id)
    contents = {}
    for name in STORED_FILES:
        entry = manifest.files[name]
        if name in (WEIGHTS, BUNDLE):
            found = _entry_on_disk(folder, name, model_id)
        else:
            contents[name] = _read(folder, name, model_id)
            found = entry_of(contents[name])
        if found.size != entry.size:
            raise DamagedModel(model_id, name, f"is {found.size:,} bytes long and was {entry.size:,} when saved")
        if found.sha256 != entry.sha256:
            raise DamagedModel(model_id, name, f"has another SHA-256 than {MANIFEST} says")
    return contents


def read_model(folder: Path, model_id: str) -> LoadedModel:
    """Return the model in a version's folder, verified; nothing in it is executed.

    Raises
    ------
    DamagedModel
        Naming the first file that is missing, differs, cannot be read or contradicts another.
    StorageError
        If this version of ktrdr cannot read the strategy.
    """
    return read_version(folder, model_id)[0]


def result_in(folder: Path, model_id: str) -> TrainingResult:
    """Return the result of the training that made the model in a version's folder.

    Raises
    ------
    DamagedModel
        Naming the first file that is missing or differs.
    """
    files = read_files(folder, model_id)
    metrics, features, metadata = (from_json(files[name], name) for name in (METRICS, FEATURES, METADATA))
    of_training = {name: metadata[name] for name in TrainingMetadata.model_fields if name in metadata}
    unsaved = {"success": True, "model_id": None, "model_path": None, "feature_names": features["features"]}
    result = TrainingResult.model_validate({**metrics, **unsaved, "metadata": of_training})
    return result.saved_as(model_id, f"models/{model_id}")


def verify_saved(folder: Path, model_id: str) -> None:
    """Read a version back from disk and let it predict its probe as the trainer's network did.

    Raises
    ------
    DamagedModel
        If the files are not those that were written.
    StorageError
        If the network read back predicts otherwise.
    """
    model, contract = read_version(folder, model_id, is_mapped=True)  # for a moment: it is not kept
    if differs := difference_on_probe(model, contract):
        raise StorageError(
            f"{model_id} was not saved: read back, it does not predict the probe rows as the trained network did; "
            f"{differs}.",
            "Weights, architecture and probe do not belong together: hand the artifact over again, or train again.",
        )


def difference_on_probe(model: LoadedModel, contract: FeatureContract) -> str | None:
    """Return in words how a model predicts its probe rows otherwise than the trained network did, else None."""
    expected_BO = np.array(contract.probe.outputs, dtype=np.float64)  # B batch, O outputs
    got_BO = model.predict_outputs(contract.probe.rows).astype(np.float64)
    return probe_difference(expected_BO, got_BO, model.trained_from.decisions.cost_model)


def read_version(folder: Path, model_id: str, *, is_mapped: bool = False) -> tuple[LoadedModel, FeatureContract]:
    """Return the model in a version's folder as `read_model` does, and the contract that it was checked against.

    Mapped, its weights are read as they are used: the files must stay as they are.

    Raises
    ------
    DamagedModel, StorageError
        As `read_model`.
    """
    contents = read_files(folder, model_id)
    with _in_file(CONFIG, model_id):
        config = from_json(contents[CONFIG], CONFIG)
    strategy = strategy_in(config, model_id)
    with _in_file(CONFIG, model_id):
        check_naming(strategy, model_id)
        check_request(config, model_id)
    with _in_file(METADATA, model_id):
        metadata = from_json(contents[METADATA], METADATA)
        check_threads(metadata)
    with _in_file(FEATURES, model_id):
        contract = read_contract(from_json(contents[FEATURES], FEATURES))
        check_contract(contract, strategy)
    with _in_file(WEIGHTS, model_id):
        state = read_weights(folder / WEIGHTS, is_mapped=is_mapped)
        network = network_with(contract, state)
    with _in_file(BUNDLE, model_id):
        check_bundle(read_bundle(folder / BUNDLE), contract, state, model_id)
    model = LoadedModel(
        model_id,
        strategy.name,
        config,
        contract.features,
        contract.classes,
        contract.sequence_length,
        network,
        metadata,
        strategy,
        inputs_from(strategy.blocks, {"fuzzy_sets": contract.fuzzy_sets, "scalers": contract.scalers}),
    )
    return model, contract


@contextmanager
def _in_file(file: str, model_id: str) -> Iterator[None]:
    try:
        with _on_disk(file, model_id):
            yield
    except DamagedModel:
        raise
    except StorageError as error:
        raise DamagedModel(model_id, file, f"cannot be used: {error.message.rstrip('.')}") from error


def _read(folder: Path, name: str, model_id: str) -> bytes:
    with _on_disk(name, model_id):
        return (folder / name).read_bytes()


def _entry_on_disk(folder: Path, name: str, model_id: str) -> FileEntry:
    with _on_disk(name, model_id), (folder / name).open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return FileEntry(sha256=sha256, size=file.tell())


@contextmanager
def _on_disk(name: str, model_id: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise DamagedModel(model_id, name, "is missing") from error
    except OSError as error:
        raise DamagedModel(model_id, name, f"cannot be read: {error.strerror}") from error
