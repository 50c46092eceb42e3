"""A stored model as a file of the user's: as it is stored, or with its network in a form that other programs read.

A file is there only if its model was verified, and what was made of it predicts the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ktrdr.errors import StorageError
from ktrdr.exchange.bundles import layout_of, write_bundle
from ktrdr.exchange.format_names import Format
from ktrdr.exchange.formats import PACKAGES, Converter, Rows, converter_of
from ktrdr.exchange.offers import bundle_name
from ktrdr.exchange.record import INPUT, MODEL_FILES, OUTPUT, RECORD, ExportRecord, Port
from ktrdr.exchange.unpacking import UnpackedBundle, unpack_bundle
from ktrdr.exchange.verifying import VerifiedModel, verified
from ktrdr.storage.contents import to_json
from ktrdr.storage.probe import probe_difference
from ktrdr.storage.weights import description_of
from ktrdr.storage.writing import FileLayer, storage_errors
from ktrdr.strategy.decisions import CostModel

_ROWS_OF_EXAMPLE = 2
"""A batch of one would be taken for a constant."""


@dataclass(frozen=True)
class Exported:
    """What was written: where, of which model, and the record of what was added, if anything was."""

    path: Path
    model_id: str
    record: ExportRecord | None


def export_model(
    fetch: Callable[[Path], object],
    format: Format = Format.KTRDR,
    target: Path | None = None,
    *,
    folder: Path | None = None,
    replaces: bool = False,
) -> Exported:
    """Write a model's bundle to a file, once everything in it is verified.

    Parameters
    ----------
    fetch
        Writes the stored model's bundle to a path: `lambda path: client.download_model(strategy, name, path)`.
    format
        What is added to it.
    target
        The file to write; where none is given, one named after the model, in `folder` or the working directory.
    replaces
        Whether a file of that name is replaced.

    Raises
    ------
    BadBundle
        If what was fetched is not whole.
    StorageError
        If a package is missing, the file is there or cannot be written, or what was made does not predict the same.
    """
    converter = None if format is Format.KTRDR else converter_of(format)
    place = folder or Path() if target is None else target.parent
    if target is not None:
        _check_free(target, replaces)
    with (
        storage_errors("Could not export the model", place),
        tempfile.TemporaryDirectory(prefix=".ktrdr-export-", dir=place) as working,
    ):
        fetched, unpacked = Path(working) / "fetched.zip", Path(working) / "unpacked"
        fetch(fetched)
        unpacked.mkdir()
        bundle = unpack_bundle(fetched, unpacked)
        model = verified(bundle)
        record = None if converter is None else _add(format, converter, bundle, model)
        path = target or place / bundle_name(bundle.model_id, format)
        _check_free(path, replaces)
        _place(fetched if record is None else _written(bundle, record, Path(working)), path)
    return Exported(path, bundle.model_id, record)


def _add(format: Format, converter: Converter, bundle: UnpackedBundle, verified_model: VerifiedModel) -> ExportRecord:
    model, contract = verified_model.model, verified_model.contract
    probe = np.array(contract.probe.rows, dtype=np.float32)
    path = bundle.folder / f"model.{format}"
    batches = [probe, probe[:1]]
    expected = [model.predict_outputs(batch) for batch in batches]  # before anybody traces the network
    example = np.resize(probe, (_ROWS_OF_EXAMPLE, *probe.shape[1:]))
    converter.write(model.network, example, json.dumps(description_of(model.model_id, contract)), path)
    try:
        max_difference = _difference(
            expected, converter.predict(path, batches), model.trained_from.decisions.cost_model
        )
    except _Differs as differs:
        raise StorageError(
            f"{model.model_id} was not exported: as {format} it does not predict the same; {differs}.",
            "Export it in another format.",
        ) from differs
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    record = ExportRecord(
        model_id=model.model_id,
        format=format.value,
        file=path.name,
        sha256=sha256,
        size=path.stat().st_size,
        inputs=(Port(name=INPUT, shape=("batch", *probe.shape[1:])),),
        outputs=(Port(name=OUTPUT, shape=("batch", len(contract.probe.outputs[0]))),),
        features=contract.features,
        classes=contract.classes,
        max_difference=max_difference,
        versions={package: version(package) for package in ("torch", *PACKAGES[format])},
    )
    (bundle.folder / RECORD).write_bytes(to_json(record.model_dump(mode="json"), RECORD))
    return record


class _Differs(Exception):
    """In words how."""


def _difference(expected: list[Rows], got: list[Rows], costs: CostModel | None) -> float:
    """Return how far outputs are from the stored network's, batch by batch, where they are alike."""
    largest = 0.0
    for expected_BO, got_BO in zip(expected, got, strict=True):
        if got_BO.shape != expected_BO.shape:
            raise _Differs(f"outputs have the shape {got_BO.shape} and not {expected_BO.shape}")
        if differs := probe_difference(expected_BO.astype(np.float64), got_BO.astype(np.float64), costs):
            raise _Differs(differs)
        largest = max(largest, float(np.abs(got_BO - expected_BO).max()))
    return largest


def _written(bundle: UnpackedBundle, record: ExportRecord, working: Path) -> Path:
    path = working / "bundle.zip"
    layout = layout_of(bundle.folder, (*MODEL_FILES, RECORD, record.file))
    FileLayer().write_from(path, lambda file: write_bundle(layout, bundle.folder, bundle.model_id, file))
    return path


def _place(path: Path, target: Path) -> None:
    path.replace(target)
    FileLayer().sync_folder(target.parent)


def _check_free(target: Path, replaces: bool) -> None:
    if os.path.lexists(target) and (target.is_dir() or not replaces):
        advice = "Choose another file." if target.is_dir() else "Choose another file, or replace it with --force."
        raise StorageError(f"{target} is there already.", advice)
