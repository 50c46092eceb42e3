"""What makes two trainings the same: strategy, rows, seed and code. Where they run, and what they are called, does not.

No torch: a request is compared with the models there are before anything is trained.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from ktrdr.data import MarketBars
from ktrdr.strategy.schema import Strategy
from ktrdr.training.scope import Scope

PACKAGES = ("torch", "numpy", "pandas", "TA-Lib", "scikit-learn")
"""Whose versions are kept with a model: numbers come from them."""

_ROOMS = ("data", "declaration", "features", "fuzzy", "indicators", "labels", "model", "strategy", "training")
"""The rooms of `ktrdr` whose code decides what a training makes of its bars."""


def training_sha256(strategy: Strategy, scope: Scope, market: MarketBars, seed: int) -> str:
    """Return one hash of all that decides what a training makes, on one kind of device.

    Parameters
    ----------
    strategy, scope
        Settled: with the request's overrides, timeframes, symbols and dates.
    market
        The bars of that scope.
    seed
        The one that counts: the request's, else the file's.
    """
    decides = {
        "strategy": strategy.sha256,
        "bars": market.sha256,
        "n_lookback": {str(key): market.n_lookback[key] for key in market.base},  # which of the bars are rows
        "symbols": scope.symbols,  # in their order, which is that of the rows
        "shares": scope.data_split.model_dump(mode="json"),
        "seed": seed,
        "code": code_sha256(),
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


@functools.cache
def code_sha256() -> str:
    """Return the hash of the code that trains: our own modules as they lie on this machine, and the packages' versions.

    Our version alone would call two trainings the same between which a formula was changed.
    """
    return sha256_of_code(Path(__file__).parents[1], {name: version(name) for name in PACKAGES})


def sha256_of_code(root: Path, versions: Mapping[str, str]) -> str:
    """Return the hash of the rooms under `root` that decide what comes out, and of the versions of what they import."""
    digest = hashlib.sha256(json.dumps(dict(versions), sort_keys=True).encode())
    for room in _ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()
