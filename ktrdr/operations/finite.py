"""Documents whose numbers JSON knows."""

from __future__ import annotations

import math
from typing import Any


def finite(document: Any) -> Any:
    """Return `document` with None for every number that is not finite: JSON and PostgreSQL know none such.

    Examples
    --------
    >>> finite({"val_loss": 0.5, "val_accuracy": float("nan"), "bounds": [1, float("inf")]})
    {'val_loss': 0.5, 'val_accuracy': None, 'bounds': [1, None]}
    """
    if isinstance(document, float):
        return document if math.isfinite(document) else None
    if isinstance(document, dict):
        return {key: finite(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [finite(value) for value in document]
    return document
