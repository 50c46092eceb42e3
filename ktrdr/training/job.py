"""One training, settled before its first step; and what it has made by its last."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from ktrdr.labels import Labeler
from ktrdr.results import SymbolMetrics, TestMetrics, TrainingHistory, TrainingMetadata
from ktrdr.strategy.schema import Strategy
from ktrdr.strategy.training import Training
from ktrdr.training.evaluation.importance import Importance
from ktrdr.training.scope import Options, Scope


@dataclass(frozen=True)
class Job:
    """What is asked of one training, defaults and overrides settled."""

    strategy: Strategy
    scope: Scope
    options: Options
    device: torch.device
    started_at: dt.datetime

    @property
    def seed(self) -> int:
        """The request's seed, else the file's."""
        return self.strategy.training.seed if self.options.seed is None else self.options.seed

    @property
    def training(self) -> Training:
        """How to train, with the seed that counts."""
        return self.strategy.training.model_copy(update={"seed": self.seed})

    @property
    def labeler(self) -> Labeler:
        """What the network is to forecast."""
        labeler: Labeler = self.strategy.training.labels
        return labeler

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in code order; in regression those of the decisions."""
        return self.labeler.class_names

    @property
    def n_outputs(self) -> int:
        """The network's outputs: a logit for each class, or the return."""
        return 1 if self.labeler.is_regression else len(self.class_names)


@dataclass(frozen=True)
class TrainedModel:
    """A network with its best weights, and what was measured on it."""

    network: nn.Module
    history: TrainingHistory
    metrics: TestMetrics
    per_symbol: Mapping[str, SymbolMetrics]
    importance: Importance
    metadata: TrainingMetadata
