"""How a model is named on the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from ktrdr.errors import RequestError

ModelId = Annotated[
    str,
    typer.Argument(
        metavar="MODEL_ID",
        help="STRATEGY/NAME, as `models list` shows it; NAME may also be SP500_1d_latest or SP500_1d@ALIAS.",
    ),
]


def parts_of(model_id: str) -> tuple[str, str]:
    """Return strategy and name of `STRATEGY/NAME`.

    Raises
    ------
    RequestError
        If it is not of that form.
    """
    strategy, slash, name = model_id.partition("/")
    if not (strategy and slash and name):
        raise RequestError(
            "MODEL_ID", f"'{model_id}' is not a model's id.", "Give STRATEGY/NAME, as `ktrdr models list` shows it."
        )
    return strategy, name
