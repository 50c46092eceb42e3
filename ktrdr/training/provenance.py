"""Where, when and with what a model was trained: all that has to be the same for the same weights to come out."""

from __future__ import annotations

import datetime as dt
import platform
from importlib.metadata import version

import torch
from torch import nn

from ktrdr.data import MarketBars
from ktrdr.results import TrainingMetadata
from ktrdr.training.device import threads_for
from ktrdr.training.identity import PACKAGES, code_sha256, training_sha256
from ktrdr.training.job import Job
from ktrdr.training.learning.batches import resolve_batch_size

CODE_SHA256 = code_sha256()
"""Of the code that this process has loaded: while it trains, another may come to lie on the disk."""


def metadata_of(
    job: Job, network: nn.Module, market: MarketBars, n_rows: int, is_mixed: bool = False
) -> TrainingMetadata:
    """Return the record of a training on `n_rows` of `market` that is about to be saved: it ends now.

    One whose attempts were made by different code or on different machines, `is_mixed`, is no other training's equal.
    """
    ended_at = dt.datetime.now(dt.UTC)
    with threads_for(network) as n_threads:
        pass
    return TrainingMetadata(
        device=str(job.device),
        versions={"python": platform.python_version()} | {package: version(package) for package in PACKAGES},
        seed=job.seed,
        torch_threads=n_threads,
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        strategy_sha256=job.strategy.sha256,
        code_sha256=CODE_SHA256,
        training_sha256=None if is_mixed else training_sha256(job.strategy, job.scope, market, job.seed, CODE_SHA256),
        first_bars={str(key): first.isoformat() for key, first in market.first_bars.items()},
        started_at=job.started_at.isoformat(),
        ended_at=ended_at.isoformat(),
        duration_s=(ended_at - job.started_at).total_seconds(),
        batch_size=resolve_batch_size(job.training.batch_size, job.device.type, n_rows),
        n_parameters=sum(parameter.numel() for parameter in network.parameters()),
    )
