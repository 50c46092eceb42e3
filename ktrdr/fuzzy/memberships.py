"""Every membership function there is, and how a file may write them."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field

from ktrdr.fuzzy.smooth import Bell, Gaussian, Gaussian2, PiShape, Sigmoid, SShape, ZShape
from ktrdr.fuzzy.straight import LeftCorner, RightCorner, Trapezoidal, Triangular

_Written: TypeAlias = Annotated[
    Triangular | Trapezoidal | Gaussian | Gaussian2 | Bell | Sigmoid | SShape | ZShape | PiShape,
    Field(discriminator="type"),
]
_TriangularList: TypeAlias = tuple[float, float, float]
_TrapezoidalList: TypeAlias = tuple[LeftCorner, LeftCorner, RightCorner, RightCorner]


def from_shorthand(config: Any) -> Any:
    """Return a list of 3 numbers as a triangular config, of 4 as a trapezoidal one, and all else as it is."""
    if not isinstance(config, list | tuple):
        return config
    types = {3: "triangular", 4: "trapezoidal"}
    if len(config) not in types:
        raise ValueError(
            f"a list is 3 numbers (triangular) or 4 (trapezoidal), not {len(config)}; "
            "write other shapes as {type: ..., parameters: [...]}"
        )
    return {"type": types[len(config)], "parameters": config}


AnyMembership: TypeAlias = Annotated[
    _Written,
    BeforeValidator(from_shorthand, json_schema_input_type=_Written | _TriangularList | _TrapezoidalList),
]
"""Every membership function there is; in a file also as the shorthand list."""
