"""The hardware torch finds on this machine, and what follows from it. No other file mentions CUDA or MPS."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ktrdr.errors import NoGpu, RequestError, TrainingError, did_you_mean

DEVICES = ("cuda", "mps", "cpu")

_OUT_OF_MEMORY = ("MPS backend out of memory", "_STATUS_ALLOC_FAILED")
"""What torch says where memory is full and the error has no class of its own."""

SMALL_NETWORK_PARAMETERS = 250_000
"""Below this many parameters a batch is too little work to share: one thread is faster than several."""


def detect_device() -> str:
    """Return the best device here: cuda, else mps, else cpu."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def resolve_device(asked: str | None = None, require_gpu: bool = False) -> torch.device:
    """Return the device to train on: the one asked for, else the best here.

    Raises
    ------
    NoGpu
        If a GPU is required, or asked for by name, and torch finds none: never a silent run on the CPU.
    RequestError
        If `asked` names no kind of device, or a number that no device of the kind has.
    """
    found = detect_device()
    kind, number = (found, "") if asked is None else _kind_and_number(asked)
    if (require_gpu and kind == "cpu") or kind not in ("cpu", found):
        raise NoGpu(found)
    n_devices = torch.cuda.device_count() if kind == "cuda" else 1
    if number and int(number) >= n_devices:
        numbers = "0" if n_devices == 1 else f"0 to {n_devices - 1}"
        raise RequestError("device", f"There is no device '{asked}'.", f"Leave the number out, or use {numbers}.")
    return torch.device(f"{kind}:{int(number)}" if number else kind)


def _kind_and_number(asked: object) -> tuple[str, str]:
    """Return the kind and the number, empty where none is given, of a device as a caller named it."""
    spelled = re.fullmatch("([a-z]+)(?::([0-9]{1,4}))?", asked) if isinstance(asked, str) else None
    if spelled and spelled[1] in DEVICES:
        return spelled[1], spelled[2] or ""
    kind = str(asked).partition(":")[0]
    # "gpu" is spelled nearer to "cpu", and means the opposite
    guess = "Did you mean 'cuda'?" if kind.lower() == "gpu" else did_you_mean(kind, DEVICES)
    if kind in DEVICES:
        guess = f"Write '{kind}' or '{kind}:0'."
    raise RequestError("device", f"Unknown device {asked!r}.", guess or f"One of: {', '.join(DEVICES)}.")


@contextmanager
def seeded(device: torch.device, seed: int) -> Iterator[None]:
    """Draw torch's random numbers from `seed` inside the block and leave its generators as they were.

    So a training depends on its seed alone, not on what ran before it. Every operation of the networks here is
    deterministic on the CPU. Other devices' generators are not touched: torch.manual_seed would seed them all.
    """
    with random_state_kept(device):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif device.type == "mps":
            torch.mps.manual_seed(seed)
        yield


@contextmanager
def random_state_kept(device: torch.device) -> Iterator[None]:
    """Leave torch's generators of the CPU and of `device` as they were, whatever the block draws or seeds."""
    before = random_state(device)
    try:
        yield
    finally:
        set_random_state(device, *before)


def random_state(device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Return the states of torch's generators: of the CPU, and of `device` where that is another."""
    if device.type == "cuda":
        return torch.get_rng_state(), torch.cuda.get_rng_state(device)
    return torch.get_rng_state(), torch.mps.get_rng_state() if device.type == "mps" else None


def set_random_state(device: torch.device, on_cpu: Tensor, on_device: Tensor | None) -> None:
    """Put torch's generators back into states that `random_state` gave, on a device of the same type."""
    torch.set_rng_state(on_cpu)
    if on_device is not None and device.type == "cuda":
        torch.cuda.set_rng_state(on_device, device)
    elif on_device is not None and device.type == "mps":
        torch.mps.set_rng_state(on_device)


def device_name(device: torch.device) -> str:
    """Return the device's type, and its model where torch knows that: two of one name round alike."""
    return f"{device.type} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else device.type


@contextmanager
def threads_for(network: torch.nn.Module, n_threads: int | None = None) -> Iterator[int]:
    """Set the number of CPU threads inside the block, by default one that suits the network's size, and yield it.

    The number matters beyond speed: sums over another number of threads round differently. More than the machine has
    processors are not used all the same: a model may say any number.
    """
    before = torch.get_num_threads()
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    if n_threads is None and n_parameters < SMALL_NETWORK_PARAMETERS:
        n_threads = 1
    try:
        if n_threads is not None:
            torch.set_num_threads(min(n_threads, os.cpu_count() or 1))
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


@contextmanager
def float32_kept() -> Iterator[None]:
    """Compute recurrent layers in whole float32 inside the block, on every device.

    Accelerators may otherwise round their factors to 10 bits, and the network would answer differently elsewhere.
    """
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether torch raised `error` because a device's memory is full."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY)


@contextmanager
def memory_said(device: torch.device, doing: str) -> Iterator[None]:
    """Say in words that a device's memory is full, where torch finds that in the block.

    Raises
    ------
    TrainingError
        Saying what to change.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(
            f"The memory of {device} is full while {doing}: the network, its optimizer's state, the best weights so "
            "far and the rows lie there.",
            "Make the network or its window smaller, or train on a device with more memory.",
        ) from error


def free_memory(device: torch.device) -> None:
    """Give back what torch keeps of `device`'s memory for later."""
    if device.type != "cpu":
        torch.accelerator.empty_cache()
