"""How the actors are called."""

from __future__ import annotations

from cluster.head import NAMESPACE

OPERATIONS = "operations"
MODEL_STORAGE = "model_storage"
BARS = "bars"

__all__ = ["BARS", "MODEL_STORAGE", "NAMESPACE", "OPERATIONS", "dispatcher_name"]


def dispatcher_name(environment: str) -> str:
    """Return the name of the dispatcher of `environment`."""
    return f"dispatcher:{environment}"
