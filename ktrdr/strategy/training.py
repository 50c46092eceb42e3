"""`training`: labels, shares of rows, and how the network is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from ktrdr.declaration import Declaration, LeftOut, conflict
from ktrdr.labels import AnyLabeler
from ktrdr.strategy.schedules import AnySchedule, ConstantRate, CosineSchedule

Epochs = Annotated[int, Field(ge=1)]
LossName = Literal["cross_entropy", "focal", "huber", "mse"]
OF_CLASSES, OF_RETURNS = ("cross_entropy", "focal"), ("huber", "mse")
"""The losses that judge logits of classes, and those that judge a return; the first of each is the default."""

BatchSize = Annotated[
    Annotated[int, Field(ge=1), Tag("rows")] | Annotated[Literal["auto"], Tag("auto")],
    Discriminator(lambda value: "auto" if isinstance(value, str) else "rows"),
]


class DataSplit(Declaration):
    """Shares of rows, in time order; they sum to 1."""

    train: float = Field(gt=0, lt=1)
    validation: float = Field(gt=0, lt=1)
    test: float = Field(gt=0, lt=1)
    embargo_bars: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _sums_to_one(self) -> DataSplit:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            message = f"train + validation + test is {total:.12g}; the shares must sum to 1"
            raise conflict(message, "train", "validation", "test")
        return self


class EarlyStopping(Declaration):
    """Stop after `patience` epochs without an improvement of more than `min_delta`."""

    patience: int = Field(default=10, ge=1, description="epochs")
    min_delta: float = Field(default=0.001, ge=0)
    monitor: Literal["val_loss", "val_accuracy"] = "val_loss"


class Training(Declaration):
    """How the network is trained."""

    labels: AnyLabeler
    data_split: LeftOut[DataSplit] = None
    epochs: Epochs = 100
    batch_size: BatchSize = Field(default=64, description="rows; auto chooses by device and rows")
    learning_rate: float = Field(default=0.001, gt=0)
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    weight_decay: float = Field(default=0.0, ge=0)
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of sgd")
    lr_scheduler: AnySchedule = ConstantRate(type="none")
    early_stopping: LeftOut[EarlyStopping] = None
    gradient_clip: LeftOut[Annotated[float, Field(gt=0)]] = Field(default=None, description="norm")
    loss: LeftOut[LossName] = Field(default=None, description="cross_entropy for classes, huber for returns")
    focal_gamma: float = Field(default=2.0, ge=0, description="of loss focal")
    huber_delta: float = Field(default=0.01, gt=0, description="of loss huber, a return")
    class_weights: Literal["balanced", "none"] = "none"
    sample_weights: Literal["uniqueness", "none"] = "none"
    seed: int = Field(default=0, ge=0, le=2**32 - 1)

    @property
    def loss_in_use(self) -> LossName:
        """The loss that trains and evaluates."""
        default: LossName = "huber" if self.labels.is_regression else "cross_entropy"
        return self.loss or default

    @property
    def monitor(self) -> Literal["val_loss", "val_accuracy"]:
        """The value by which the best epoch is the best."""
        return self.early_stopping.monitor if self.early_stopping else "val_loss"

    @model_validator(mode="after")
    def _momentum_belongs_to_sgd(self) -> Training:
        if "momentum" in self.model_fields_set and self.optimizer != "sgd":
            message = f"momentum has no effect with optimizer {self.optimizer}: remove it or use sgd"
            raise conflict(message, "momentum", "optimizer", at="momentum")
        return self

    @model_validator(mode="after")
    def _loss_fits_the_labels(self) -> Training:
        is_regression = self.labels.is_regression
        fitting = OF_RETURNS if is_regression else OF_CLASSES
        if self.loss is not None and self.loss not in fitting:
            kind = "returns" if is_regression else "classes"
            message = f"loss {self.loss} does not judge {kind}, which the labels are: use {' or '.join(fitting)}"
            raise conflict(message, "loss", "labels", at="loss")
        if is_regression and self.class_weights != "none":
            message = "class_weights has no effect where the labels are returns: remove it"
            raise conflict(message, "class_weights", "labels", at="class_weights")
        return self

    @model_validator(mode="after")
    def _parameters_belong_to_their_loss(self) -> Training:
        for key, loss in (("focal_gamma", "focal"), ("huber_delta", "huber")):
            if key in self.model_fields_set and self.loss_in_use != loss:
                message = f"{key} has no effect with loss {self.loss_in_use}: remove it or use {loss}"
                raise conflict(message, key, "loss", "labels", at=key)
        return self

    @model_validator(mode="after")
    def _cosine_falls(self) -> Training:
        schedule = self.lr_scheduler
        if isinstance(schedule, CosineSchedule) and schedule.eta_min > self.learning_rate:
            message = f"eta_min {schedule.eta_min:g} is above learning_rate {self.learning_rate:g}"
            raise conflict(message, "lr_scheduler.eta_min", "learning_rate", at="lr_scheduler")
        return self
