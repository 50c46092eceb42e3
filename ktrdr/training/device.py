"""The hardware torch finds on this machine, and what follows from it. No other file mentions CUDA or MPS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ktrdr.errors import NoGpu, RequestError, did_you_mean

DEVICES = ("cuda", "mps", "cpu")

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
        If `asked` names no kind of device.
    """
    found = detect_device()
    chosen = asked or found
    kind = chosen.partition(":")[0]
    if kind not in DEVICES:
        raise RequestError(
            "device", f"Unknown device '{asked}'.", did_you_mean(kind, DEVICES) or f"One of: {', '.join(DEVICES)}."
        )
    if (require_gpu and kind == "cpu") or kind not in ("cpu", found):
        raise NoGpu(found)
    return torch.device(chosen)


@contextmanager
def seeded(device: torch.device, seed: int) -> Iterator[None]:
    """Draw torch's random numbers from `seed` inside the block and leave its generators as they were.

    So a training depends on its seed alone, not on what ran before it. Every operation of the networks here is
    deterministic on the CPU.
    """
    accelerators = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=accelerators):
        torch.manual_seed(seed)
        yield


@contextmanager
def threads_for(network: torch.nn.Module) -> Iterator[int]:
    """Set the number of CPU threads that suits the network's size inside the block, and yield it.

    The number matters beyond speed: sums over another number of threads round differently.
    """
    before = torch.get_num_threads()
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    try:
        if n_parameters < SMALL_NETWORK_PARAMETERS:
            torch.set_num_threads(1)
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
