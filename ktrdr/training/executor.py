"""The twelve steps of a training, on one page."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ktrdr.async_infrastructure import CancellationToken, GenericProgressManager, ProgressCallback
from ktrdr.data import DataManager, MarketBars
from ktrdr.errors import InfrastructureError, StorageError
from ktrdr.model.network import build_network
from ktrdr.results import TestMetrics, TrainingHistory
from ktrdr.strategy.schema import Strategy
from ktrdr.training.artifact import ModelSaver, artifact_of
from ktrdr.training.checkpoints import Checkpointing, CheckpointPolicy, CheckpointStore
from ktrdr.training.device import resolve_device, seeded
from ktrdr.training.evaluation.importance import Importance, permutation_importance
from ktrdr.training.evaluation.metrics import evaluate
from ktrdr.training.job import Job, TrainedModel
from ktrdr.training.learning.forward import outputs_of
from ktrdr.training.learning.losses import loss_of
from ktrdr.training.learning.trainer import ModelTrainer
from ktrdr.training.outcome import result_of, symbol_metrics
from ktrdr.training.provenance import metadata_of
from ktrdr.training.rows.dataset import Dataset
from ktrdr.training.rows.preparation import (
    calculate_indicators,
    engineer_features,
    generate_labels,
    generate_memberships,
    load_market_data,
    split_rows,
)
from ktrdr.training.scope import Options, settle_scope, settle_strategy
from ktrdr.training.steps import Report, Steps

logger = logging.getLogger("ktrdr.training")


class TrainingExecutor:
    """Trains a strategy. Does not know where it runs, who called it, or what carries its progress.

    Parameters
    ----------
    strategy
        What to train.
    data
        Where bars come from.
    model_storage
        Who takes the model; without one it is not saved.
    progress
        Hears of every step, and of epochs and batches unless `progress_callback` is given.
    progress_callback
        Called for epochs and batches in place of `progress.training_callback`.
    cancellation_token
        Looked at between steps, inside long ones, every batch and every epoch, until the model is saved. A cancelled
        training leaves nothing behind but its checkpoints.
    checkpoints
        Who keeps the states after epochs, of this training alone: it goes on from the newest one there is, and all are
        forgotten once step 10 is done.
    device
        Such as "cpu"; the best here when absent.
    checkpoint_policy
        How often a state is kept; every 30 seconds when absent.
    """

    def __init__(  # noqa: PLR0913 - the signature is a contract
        self,
        strategy: Strategy,
        *,
        data: DataManager,
        model_storage: ModelSaver | None = None,
        progress: GenericProgressManager | None = None,
        progress_callback: ProgressCallback | None = None,
        cancellation_token: CancellationToken | None = None,
        checkpoints: CheckpointStore | None = None,
        device: str | None = None,
        checkpoint_policy: CheckpointPolicy | None = None,
    ) -> None:
        self._strategy = strategy
        self._data = data
        self._model_storage = model_storage
        self._progress = progress or GenericProgressManager("training")
        self._progress_callback = progress_callback or self._progress.training_callback
        self._token = cancellation_token
        self._checkpoints = checkpoints
        self._checkpoint_policy = checkpoint_policy or CheckpointPolicy()
        self._device = device

    def execute(  # noqa: PLR0913 - the signature is a contract
        self,
        symbols: list[str] | None,
        timeframes: list[str] | None,
        start_date: str | None,
        end_date: str | None,
        validation_split: float = 0.2,
        data_mode: str = "local",
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Train, evaluate and save; return the result's fields (see `TrainingResult`).

        Parameters
        ----------
        symbols, timeframes, start_date, end_date
            None means the strategy's own. Timeframes replace the file's list; their base is the file's where listed,
            else the fastest. Dates are inclusive, by a bar's open date.
        validation_split
            Share of the rows before the test part; only for a strategy without `data_split`.
        data_mode
            `local`.
        **kwargs
            `seed` and `overrides` (dotted paths to values) win over the strategy's; `require_gpu`; `run_name`.

        Raises
        ------
        TypeError
            For an unknown keyword argument.
        ConfigError, NoGpu
            Before the first step; in step 7, if the checkpoint kept is of another training.
        DataError, TrainingError, StorageError
            From the step that needs what is missing or wrong.
        CancellationError
            When the token is cancelled.
        """
        started_at = dt.datetime.now(dt.UTC)
        options = Options.of(kwargs)
        strategy = settle_strategy(self._strategy, timeframes, options.overrides)
        scope = settle_scope(strategy, symbols, start_date, end_date, validation_split, data_mode)
        job = Job(strategy, scope, options, resolve_device(self._device, options.require_gpu), started_at)
        step = Steps(self._progress, self._token)
        with step(1, f"for {scope.series}") as now:
            market = load_market_data(strategy, self._data, scope, now.report)
            now.outcome = f"{sum(map(len, market.series.values()))} bars{_made_of(market)}"
        with step(2) as now:
            indicators = calculate_indicators(strategy, market, now.report)
            n_bars = sum(map(len, market.series.values()))
            now.outcome = (
                f"{sum(map(len, indicators.values()))} indicators on {n_bars} bars of {len(market.series)} series"
            )
        with step(3) as now:
            memberships = generate_memberships(strategy, indicators, now.report)
            now.outcome = f"{sum(map(len, memberships.values()))} rows of {len(strategy.fuzzy_sets)} fuzzy sets"
        with step(4) as now:
            tables = engineer_features(strategy, market, indicators, memberships)
            now.outcome = f"{sum(map(len, tables.values()))} bars with {len(strategy.features)} features"
        with step(5) as now:
            labels = generate_labels(strategy, market, now.report)
            now.outcome = f"{sum(map(len, labels.values()))} labelled rows"
        with step(6) as now:
            dataset = split_rows(strategy, scope, market, tables, labels)
            now.outcome = (
                f"{len(dataset.train)} rows train, {len(dataset.validation)} validate, {len(dataset.test)} test"
            )
        with step(7, f"on {job.device}") as now:
            network, history, resumed_after = self._train(job, market, dataset)
            now.outcome = (
                f"{f'Resumed after epoch {resumed_after}: ' if resumed_after else ''}{len(dataset.train)} rows, "
                f"{history.epochs_completed} epochs, best was {history.best_epoch}"
            )
        with step(8) as now:
            outputs_NO = outputs_of(network, dataset.test.X, job.device)
            metrics = _evaluate(job, outputs_NO, dataset)
            per_symbol = symbol_metrics(job, outputs_NO, dataset)
            now.outcome = f"{len(dataset.test)} rows, accuracy {metrics.accuracy:.3f}"
        with step(9) as now:
            importance = _importance(job, network, dataset, now.report)
            now.outcome = f"{len(importance.features)} features on {len(dataset.test)} rows"
        with step(10) as now:
            metadata = metadata_of(job, network, market, len(dataset.train))
            unsaved = result_of(
                job, TrainedModel(network, history, metrics, per_symbol, importance, metadata), market, dataset
            )
            artifact = artifact_of(job, network, unsaved, dataset)
            version = None if self._model_storage is None else self._model_storage.save_model(artifact)
            now.outcome = f"saved as {version.model_id}" if version else "not saved: no model storage was given"
        self._forget_checkpoints()
        with step(11) as now:
            result = unsaved if version is None else unsaved.saved_as(version.model_id, version.path)
            now.outcome = result.test_metrics.verdict
        with step(12):
            return result.model_dump()

    def _train(self, job: Job, market: MarketBars, dataset: Dataset) -> tuple[nn.Module, TrainingHistory, int]:
        """Return the network, its history, and the epoch after which it was resumed (0: it was not)."""
        # made on the CPU whatever the device, so that a seed means the same weights everywhere
        with seeded(torch.device("cpu"), job.seed):
            network = build_network(job.strategy.model, len(job.strategy.features), job.n_outputs)
        checkpoints = None
        if self._checkpoints is not None:
            of_training = (job.strategy.sha256, market.sha256)
            checkpoints = Checkpointing(self._checkpoints, self._checkpoint_policy, *of_training)
        trainer = ModelTrainer(
            job.training, self._progress_callback, self._token, checkpoints=checkpoints, device=job.device
        )
        train, validation = dataset.train, dataset.validation
        history = trainer.train(
            train.X,
            train.targets,
            validation.X,
            validation.targets,
            network=network,
            n_outputs=job.n_outputs,
            weights_train=dataset.weights,
        )
        return network, history, trainer.resumed_after

    def _forget_checkpoints(self) -> None:
        if self._checkpoints is None:
            return
        try:
            self._checkpoints.clear()
        except (StorageError, InfrastructureError) as error:
            logger.warning("The training is done, but its checkpoints are left: %s", error)


def _evaluate(job: Job, outputs_NO: npt.NDArray[np.float32], dataset: Dataset) -> TestMetrics:
    test, y_train = dataset.test, dataset.train.targets
    loss = loss_of(job.training, y_train, job.n_outputs)
    return evaluate(
        outputs_NO,
        test,
        loss=loss.held_out(torch.from_numpy(outputs_NO), torch.from_numpy(test.targets), "test"),
        y_train=dataset.train.y,
        labeler=job.labeler,
        decisions=job.strategy.decisions,
    )


def _importance(job: Job, network: nn.Module, dataset: Dataset, report: Report) -> Importance:
    blocks = job.strategy.blocks
    of_one_bar = [block.indicator for block in blocks for _ in block.names]
    return permutation_importance(
        lambda X: outputs_of(network, X, job.device),
        dataset.test,
        job.strategy.features,
        of_one_bar * (job.strategy.model.features.lookback_periods + 1),
        job.labeler.is_regression,
        job.seed,
        report,
    )


def _made_of(market: MarketBars) -> str:
    """Return which series are not stored, and what they were made of, as an end of a sentence."""
    made = ", ".join(f"{key} made of {source} bars" for key, source in market.resampled.items())
    return f"; {made}" if made else ""
