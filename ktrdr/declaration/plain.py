"""Values of NumPy as Python's own, which is what declarations are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_MAX_DEPTH = 32  # nothing declared is nested as deep; values that hold themselves would have no end


def without_numpy(value: Any, depth: int = 0) -> Any:
    """Return a copy of `value` with NumPy's numbers and arrays in it as Python's; anything else as it is."""
    if depth > _MAX_DEPTH:
        return value
    if isinstance(value, Mapping):
        return {key: without_numpy(item, depth + 1) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(without_numpy(item, depth + 1) for item in value)
    if isinstance(value, np.ndarray):
        return without_numpy(value.tolist(), depth + 1)
    return plain_number(value) if isinstance(value, np.generic) else value


def plain_number(value: np.generic) -> Any:
    """Return a NumPy number as Python's; anything else as it is."""
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.floating):
        return float(value)
    # NumPy counts its time differences among the integers.
    return int(value) if isinstance(value, np.integer) and not isinstance(value, np.timedelta64) else value
