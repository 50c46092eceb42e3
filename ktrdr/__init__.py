"""ktrdr: a training service for neuro-fuzzy trading strategies.

The names below are imported when they are first used: `import ktrdr` stays fast and loads neither torch nor pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ktrdr.client import Client
    from ktrdr.strategy import load_strategy
    from ktrdr.training import TrainingExecutor

__all__ = ["Client", "TrainingExecutor", "__version__", "load_strategy"]

__version__ = "0.1.0"

_HOMES = {
    "Client": "ktrdr.client",
    "TrainingExecutor": "ktrdr.training",
    "load_strategy": "ktrdr.strategy",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ktrdr' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
