"""What a bundle says of the file that an export adds to it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ktrdr.declaration import findings_in, problems_of
from ktrdr.errors import BadBundle, StorageError
from ktrdr.exchange.format_names import Format
from ktrdr.storage.contents import BUNDLE, CONFIG, FEATURES, MANIFEST, METADATA, METRICS, WEIGHTS, from_json

RECORD = "export.json"
INPUT, OUTPUT = "rows", "outputs"

MODEL_FILES = (MANIFEST, CONFIG, FEATURES, METRICS, METADATA, WEIGHTS, BUNDLE)
"""A version's files, as they stand in a bundle."""


ADDED_FILES = tuple(format.file for format in Format if format.file is not None)
KNOWN_FILES = (*MODEL_FILES, RECORD, *ADDED_FILES)


class _Recorded(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Port(_Recorded):
    """An input or an output of the network: float32 in this shape, in which `batch` is any number of rows."""

    name: str
    shape: tuple[int | Literal["batch"], ...]


class ExportRecord(_Recorded):
    """`export.json`: what was added, and how it was found to predict as the stored network does."""

    format_version: Literal[1] = 1
    model_id: str
    format: Literal["safetensors", "onnx", "pt2"]
    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int = Field(ge=0, description="bytes")
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    features: tuple[str, ...]
    classes: tuple[str, ...]
    max_difference: float = Field(ge=0, description="of any output from the stored network's, on the probe rows")
    versions: dict[str, str]


def read_record(content: bytes) -> ExportRecord:
    """Validate the contents of `export.json`.

    Raises
    ------
    BadBundle
        Naming what is wrong.
    """
    try:
        document = from_json(content, RECORD)
        return ExportRecord.model_validate(document)
    except ValidationError as error:
        problems = problems_of(findings_in(error, ExportRecord, document))
        raise BadBundle(RECORD, "cannot be used: " + "; ".join(map(str, problems)).rstrip(".")) from error
    except StorageError as error:
        raise BadBundle(RECORD, f"cannot be used: {error.message.rstrip('.')}") from error
