"""The files of a stored model: their names, their JSON, and the manifest that vouches for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ktrdr.declaration import findings_in, problems_of
from ktrdr.errors import StorageError

FORMAT_VERSION = 1

WEIGHTS = "model.pt"
BUNDLE = "model_full.pt"
CONFIG = "config.json"
METRICS = "metrics.json"
FEATURES = "features.json"
METADATA = "metadata.json"
MANIFEST = "manifest.json"

STORED_FILES = (WEIGHTS, BUNDLE, CONFIG, METRICS, FEATURES, METADATA)
"""What the manifest lists: every file but itself."""


class Stored(BaseModel):
    """What stands in a file of a stored model, of which nothing is believed before it is validated."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


StoredT = TypeVar("StoredT", bound=Stored)


class FileEntry(Stored):
    """What a file must be, byte for byte."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int = Field(ge=0, description="bytes")


class Manifest(Stored):
    """What a stored model's files must be."""

    format_version: Literal[1]
    files: dict[str, FileEntry]

    @model_validator(mode="after")
    def _lists_what_is_stored(self) -> Manifest:
        if set(self.files) != set(STORED_FILES):
            raise ValueError(
                f"it lists {', '.join(sorted(self.files))} and must list {', '.join(sorted(STORED_FILES))}"
            )
        return self


class Probe(Stored):
    """Held-out rows (n, F), or windows (n, S, F), and the raw outputs (n, O) that the trainer saw for them."""

    rows: list[list[float]] | list[list[list[float]]] = Field(min_length=1)
    outputs: list[list[float]]


class FeatureContract(Stored):
    """`features.json`: what goes into the network, in order, what comes out, and how to rebuild it.

    A network has one output for each class, its logit; or a single one, a return, of which decisions make a class.
    """

    features: tuple[str, ...] = Field(min_length=1)
    classes: tuple[str, ...] = Field(min_length=2)
    architecture: dict[str, Any]
    fuzzy_sets: Any
    scalers: Any
    importance: Any
    probe: Probe

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> FeatureContract:
        n_features, n_classes = len(self.features), len(self.classes)
        if len(set(self.features)) != n_features or len(set(self.classes)) != n_classes:
            raise ValueError("a feature or a class is listed twice")
        ends = (self.architecture.get("n_features"), self.architecture.get("n_outputs"))
        if ends not in ((n_features, n_classes), (n_features, 1)):
            raise ValueError(f"the architecture's ends are {ends}; features and classes are {(n_features, n_classes)}")
        row = (n_features,) if self.sequence_length is None else (self.sequence_length, n_features)
        shapes = ({_shape(one) for one in self.probe.rows}, {_shape(one) for one in self.probe.outputs})
        if len(self.probe.rows) != len(self.probe.outputs) or shapes != ({row}, {ends[1:]}):
            of_row = ", ".join(map(str, row))
            raise ValueError(f"the probe must be (n, {of_row}) rows and (n, {ends[1]}) outputs")
        return self

    @property
    def sequence_length(self) -> int | None:
        """Bars in the window that the network reads; None where it reads one row."""
        declared = self.architecture.get("architecture")
        length = declared.get("sequence_length") if isinstance(declared, dict) else None
        return length if isinstance(length, int) else None


def _shape(values: list[Any]) -> tuple[int, ...]:
    """Return the shape of nested lists, () where their lengths differ."""
    inner = {_shape(value) if isinstance(value, list) else () for value in values}
    return (len(values), *inner.pop()) if len(inner) == 1 else ()


def to_json(document: Mapping[str, Any], file: str) -> bytes:
    """Return `document` as JSON text, keys in their order.

    Raises
    ------
    StorageError
        If it holds something JSON has no word for: NaN, infinity, arrays, objects.
    """
    try:
        return json.dumps(document, indent=1, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise StorageError(f"{file} cannot be written as JSON: {error}.", "Hand over plain, finite values.") from error


def from_json(content: bytes, file: str) -> dict[str, Any]:
    """Return the JSON object in `content`.

    Raises
    ------
    StorageError
        If it is no JSON object, or has NaN or infinity in it.
    """
    try:
        document = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{file} is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise StorageError(f"{file} is not a JSON object.")
    return document


def read_contract(document: Mapping[str, Any]) -> FeatureContract:
    """Validate the contents of `features.json`; tuples become lists, as they will be on disk.

    Raises
    ------
    StorageError
        Naming what is wrong.
    """
    return validated(FeatureContract, from_json(to_json(document, FEATURES), FEATURES), FEATURES)


def read_manifest(content: bytes) -> Manifest:
    """Validate the contents of `manifest.json`.

    Raises
    ------
    StorageError
        Naming what is wrong.
    """
    return validated(Manifest, from_json(content, MANIFEST), MANIFEST)


def manifest_of(entries: Mapping[str, FileEntry]) -> bytes:
    """Return `manifest.json` for files of which these are the entries."""
    files = {name: entry.model_dump() for name, entry in entries.items()}
    return to_json({"format_version": FORMAT_VERSION, "files": files}, MANIFEST)


def entry_of(content: bytes) -> FileEntry:
    """Return the manifest's entry for a file of this content."""
    return FileEntry(sha256=sha256_of(content), size=len(content))


def sha256_of(content: bytes | memoryview) -> str:
    """Return the SHA-256 as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def validated(kind: type[StoredT], document: dict[str, Any], file: str) -> StoredT:
    """Return what is in a file's document.

    Raises
    ------
    StorageError
        Naming what is wrong.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        problems = problems_of(findings_in(error, kind, document))
        raise StorageError(f"{file}: " + "; ".join(str(problem) for problem in problems)) from error


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")
