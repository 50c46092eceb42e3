"""The rows of a training, and a whole training, with all that is made on the way kept for who looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pandas as pd

from ktrdr.data import DataManager
from ktrdr.storage import ModelArtifact
from ktrdr.strategy import Strategy
from ktrdr.training import TrainingExecutor
from ktrdr.training.rows import preparation
from ktrdr.training.rows.dry_run import PreparedRows, prepare_rows
from ktrdr.training.scope import settle_scope


def prepare(strategy: Strategy, data: DataManager) -> PreparedRows:
    return prepare_rows(strategy, data, settle_scope(strategy))


@dataclass(frozen=True)
class Trained:
    """What a training returns, and the artifact that it hands over."""

    result: dict[str, Any]
    artifact: ModelArtifact

    @property
    def history(self) -> dict[str, Any]:
        """Every number of the epochs, but how long they took."""
        return {name: value for name, value in self.result["training_metrics"].items() if name != "training_time_s"}

    @property
    def measured(self) -> dict[str, Any]:
        """All that two equal trainings share."""
        names = ("test_metrics", "per_symbol_metrics", "feature_importance", "indicator_importance")
        return {name: self.result[name] for name in (*names, "label_distribution", "data_summary", "fuzzy_coverage")}


def train(strategy: Strategy, data: DataManager, **kwargs: Any) -> Trained:
    kept: list[ModelArtifact] = []

    class Keeping:
        def save_model(self, artifact: ModelArtifact) -> SimpleNamespace:
            kept.append(artifact)
            return SimpleNamespace(model_id="kept", path="models/kept")

    executor = TrainingExecutor(strategy, data=data, model_storage=Keeping(), device="cpu")
    return Trained(executor.execute(None, None, None, None, **kwargs), kept[0])


def break_the_purge(monkeypatch) -> None:
    """Split as if every label were known with its own bar: what it really is stays with the rows."""
    draw_split = preparation.draw_split

    def without_purge(complete, labels, data_split, base):
        claimed = {symbol: rows.assign(known_at=rows.index) for symbol, rows in labels.items()}
        draw = draw_split(complete, claimed, data_split, base)

        def real(part):
            times = {symbol: rows.index.get_level_values("time") for symbol, rows in part.items()}
            known = {symbol: pd.DatetimeIndex(labels[symbol].loc[times[symbol], "known_at"]) for symbol in part}
            return {symbol: replace(rows, known_at=known[symbol]) for symbol, rows in part.items()}

        return replace(draw, train=real(draw.train), validation=real(draw.validation), test=real(draw.test))

    monkeypatch.setattr(preparation, "draw_split", without_purge)
