"""Forms of a network that other programs read: each is one module, which writes a file and predicts with it."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt
from torch import nn

from ktrdr.errors import StorageError
from ktrdr.exchange.format_names import Format

SAYS = "ktrdr"
"""Under this name stands in the file, as JSON, what the network is: all that `model_full.pt` says but the weights."""

Rows = npt.NDArray[np.float32]

PACKAGES: dict[Format, tuple[str, ...]] = {
    Format.KTRDR: (),
    Format.SAFETENSORS: ("safetensors",),
    Format.ONNX: ("onnx", "onnxscript", "onnxruntime"),
    Format.PT2: (),
}
"""What a format needs besides torch; all of it is the extra `export`."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep from the user what PyTorch says to itself as it traces a network: what comes out is compared anyway."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


class Converter(Protocol):
    """One format."""

    def write(self, network: nn.Module, example: Rows, says: str, path: Path) -> None:
        """Write a network that takes rows like `example`, any number of them; `says` is a JSON text about it."""

    def predict(self, path: Path, batches: list[Rows]) -> list[Rows]:
        """Read such a file as any program would and return its outputs, batch by batch."""


def converter_of(format: Format) -> Converter:
    """Return the module of a format that adds a file.

    Raises
    ------
    StorageError
        If a package that it needs is not installed.
    """
    missing = [package for package in PACKAGES[format] if importlib.util.find_spec(package) is None]
    if missing:
        raise StorageError(
            f"To export as {format}, {', '.join(missing)} must be installed.", "Run `pip install 'ktrdr[export]'`."
        )
    return cast("Converter", importlib.import_module(f"ktrdr.exchange.formats.{format}"))
