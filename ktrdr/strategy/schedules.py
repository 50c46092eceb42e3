"""`training.lr_scheduler`: how the learning rate changes, once an epoch."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from ktrdr.declaration import Declaration


class ConstantRate(Declaration):
    """The learning rate stays what it is."""

    type: Literal["none"]


class StepSchedule(Declaration):
    """The learning rate times `gamma`, every `step_size` epochs."""

    type: Literal["step"]
    step_size: int = Field(default=30, ge=1, description="epochs")
    gamma: float = Field(default=0.1, gt=0, le=1)


class ExponentialSchedule(Declaration):
    """The learning rate times `gamma`, every epoch."""

    type: Literal["exponential"]
    gamma: float = Field(default=0.95, gt=0, le=1)


class PlateauSchedule(Declaration):
    """The learning rate times `factor`, after more than `patience` epochs in which the monitored value did not improve.

    What is monitored is what early stopping monitors, without it the validation loss.
    """

    type: Literal["reduce_on_plateau"]
    factor: float = Field(default=0.5, gt=0, lt=1)
    patience: int = Field(default=5, ge=1, description="epochs")


class CosineSchedule(Declaration):
    """The learning rate along half a cosine, from its first value to `eta_min` over all epochs."""

    type: Literal["cosine"]
    eta_min: float = Field(default=0.0, ge=0)


def _from_word(config: Any) -> Any:
    return {"type": config} if isinstance(config, str) else config


AnySchedule: TypeAlias = Annotated[
    Annotated[
        ConstantRate | StepSchedule | ExponentialSchedule | PlateauSchedule | CosineSchedule,
        Field(discriminator="type"),
    ],
    BeforeValidator(_from_word),
]
"""Every schedule there is; in a file also its type alone, as a word."""
