"""What a training hands to the model store, and the store as training sees it."""

from __future__ import annotations

from typing import Any, Protocol

from torch import nn

from ktrdr.features import state_of
from ktrdr.model.network import architecture_of
from ktrdr.results import TrainingResult
from ktrdr.storage import ModelArtifact, ModelVersion, weights_of
from ktrdr.training.job import Job
from ktrdr.training.learning.forward import outputs_of
from ktrdr.training.rows.dataset import Dataset

PROBE_ROWS = 10
MAX_PROBE_VALUES = 500_000
"""Of wide and long windows fewer rows go along, at least one: what travels beside the weights is bounded."""


class ModelSaver(Protocol):
    """Who takes a trained model: a `ModelStorage`, or on a cluster an adapter that hands it over."""

    def save_model(self, artifact: ModelArtifact) -> ModelVersion:
        """Save the model and say under which version."""


def artifact_of(job: Job, network: nn.Module, result: TrainingResult, dataset: Dataset) -> ModelArtifact:
    """Return the trained model with all that is kept beside it; weights on the CPU stay the network's own.

    The first held-out rows go along, with their outputs, for the store to check the network that it reads back.
    """
    elsewhere = {"success", "model_path", "model_id", "feature_names", "metadata"}
    return ModelArtifact(
        strategy=job.strategy.name,
        symbols=job.scope.symbols,
        timeframe=job.strategy.base_timeframe,
        weights=weights_of(network.state_dict()),
        config={"strategy": job.strategy.document(), "request": _request(job)},
        metrics=result.model_dump(exclude=elsewhere),
        features=_features(job, network, result, dataset),
        metadata=result.metadata.model_dump(),
    )


def _request(job: Job) -> dict[str, Any]:
    return {
        "symbols": list(job.scope.symbols),
        "timeframes": list(job.scope.timeframes),
        "start_date": job.scope.start_date,
        "end_date": job.scope.end_date,
        "validation_split": job.scope.validation_split,
        "seed": job.seed,
        "run_name": job.options.run_name,
    }


def _features(job: Job, network: nn.Module, result: TrainingResult, dataset: Dataset) -> dict[str, Any]:
    strategy = job.strategy
    n_rows = min(PROBE_ROWS, max(1, MAX_PROBE_VALUES // dataset.test.X[0].size))
    probe_B = dataset.test.X[:n_rows]
    return {
        "features": list(strategy.features),
        "classes": list(job.class_names),
        "architecture": architecture_of(strategy.model, len(strategy.features), job.n_outputs),
        **state_of(dataset.inputs, strategy.fuzzy_sets),
        "importance": {name: of.model_dump() for name, of in result.feature_importance.items()},
        "probe": {"rows": probe_B.tolist(), "outputs": outputs_of(network, probe_B, job.device).tolist()},
    }
