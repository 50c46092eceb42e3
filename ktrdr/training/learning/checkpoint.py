"""The state of a training after an epoch, as bytes and back.

Reading never executes what it reads: only tensors and plain values are accepted, and of those only these fields.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from ktrdr.errors import BadCheckpoint, StorageError
from ktrdr.storage.weights import read_plain, write_plain

FORMAT_VERSION: Final = 1

Tensors = dict[str, Tensor]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


class Origin(_Part):
    """What settles the weights of a training: with another of these it is another training."""

    strategy_sha256: str
    data_sha256: str
    rows_sha256: str
    """Over the rows that train and validate, which follow from the bars, the strategy and the shares of the split."""
    seed: int

    def differences(self, here: Origin) -> tuple[str, ...]:
        """Return what differs, in words."""
        words = {"strategy_sha256": "strategy", "data_sha256": "bars", "rows_sha256": "rows", "seed": "seed"}
        return tuple(word for name, word in words.items() if getattr(self, name) != getattr(here, name))


class Circumstances(_Part):
    """What decides how sums are rounded: with another of these the training is the same, and its bits are not."""

    torch: str
    n_threads: int
    cpu_capability: str
    device: str
    batch_size: int
    """Of `batch_size: auto` it depends on the device."""
    code: str = "unknown"
    """Hash of the code that trains; states of earlier versions do not say it."""

    def differences(self, here: Circumstances) -> list[str]:
        """Return what differs, in words, each with what it was and what it is."""
        words = {
            "torch": "torch",
            "n_threads": "thread count",
            "cpu_capability": "CPU capability",
            "device": "device",
            "batch_size": "batch size",
            "code": "code",
        }
        return [
            f"{word} {str(getattr(self, name))[:40]}, now {str(getattr(here, name))[:40]}"
            for name, word in words.items()
            if getattr(self, name) != getattr(here, name)
        ]


class PatienceState(_Part):
    """Early stopping: the value to improve on, and the epochs waited."""

    reference: float
    n_waited: int


class LearnerState(_Part):
    """All that changes while a network is trained, after a whole epoch."""

    network: Tensors
    optimizer: dict[int, Tensors]
    """By the parameter's number; the declared constants are not repeated."""
    learning_rate: Finite
    """Of the epoch to come."""
    schedule: dict[str, Any]
    """As torch's schedule gives it; empty where the rate stays."""
    patience: PatienceState | None
    best_epoch: int = Field(ge=1)
    best_value: Finite
    best_network: Tensors
    history: dict[str, list[Finite]]
    """One value an epoch."""
    shuffle: Tensor
    """The generator of the order of rows."""

    @property
    def n_epochs(self) -> int:
        """The epochs that are finished."""
        return len(self.history["val_loss"])


class Checkpoint(_Part):
    """A training after a whole epoch, with what it is a training of and where it ran."""

    format_version: Literal[1] = FORMAT_VERSION
    origin: Origin
    circumstances: Circumstances
    learner: LearnerState
    random_cpu: Tensor
    """torch's generator, from which dropout draws on the CPU."""
    random_device: Tensor | None
    """The accelerator's; None on the CPU."""
    training_time_s: float = Field(ge=0, allow_inf_nan=False)
    """Of all attempts, up to this state's save."""
    is_mixed: bool = False
    """An attempt before this one was made elsewhere, or by other code: its bits are those of no single attempt."""


def rows_sha256(*arrays: npt.NDArray[Any] | None) -> str:
    """Return the hash of arrays in their order, with their kinds and shapes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{None if array is None else (array.dtype.str, array.shape)}\n".encode())
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def write_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return the state as `torch.save` writes plain dicts, numbers and tensors, these on the CPU."""
    content: dict[str, Any] = _plain(checkpoint)
    return write_plain(content)


def read_checkpoint(content: bytes) -> Checkpoint:
    """Return the state in `content`, its tensors on the CPU.

    Raises
    ------
    BadCheckpoint
        If it holds anything but such a state.
    """
    try:
        return Checkpoint.model_validate(read_plain(content))
    except StorageError as error:
        raise BadCheckpoint(str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise BadCheckpoint(f"{where} is not what a checkpoint of format {FORMAT_VERSION} holds") from error


def epochs_in(content: bytes, total_epochs: int) -> list[dict[str, Any]]:
    """Return the finished epochs of the state in `content`, each as a `progress_callback` is told of it.

    Raises
    ------
    BadCheckpoint
        If it holds anything but such a state.
    """
    history = read_checkpoint(content).learner.history
    rows = zip(*history.values(), strict=True)
    return [
        {
            "progress_type": "epoch",
            "epoch": number,
            "total_epochs": total_epochs,
            **dict(zip(history, row, strict=True)),
        }
        for number, row in enumerate(rows, start=1)
    ]


def copied(tensors: Mapping[str, Tensor]) -> Tensors:
    """Return copies on the CPU, which what is trained on does not change."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case Tensor():
            return value.detach().cpu()
        case _:
            return value
