"""Models trained in this process and read back from disk, beside what their training evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ktrdr.data import DataManager
from ktrdr.prediction import Predictor
from ktrdr.storage import LoadedModel, ModelStorage
from ktrdr.strategy import load_strategy
from ktrdr.training import TrainingExecutor, executor
from ktrdr.training.rows.dataset import Part
from tests.ktrdr.training.strategies import document

BOTH = {"mode": "multi_symbol", "list": ["NASDAQ", "SP500"]}
WEEKS_TOO = {"mode": "multi_timeframe", "list": ["1d", "1w"], "base_timeframe": "1d"}
DAYS = {"mode": "single", "timeframe": "1d"}
INDICATORS = {
    "rsi_14": {"type": "rsi", "period": 14},
    "ema_20": {"type": "ema", "period": 20},
    "macd_12": {"type": "macd"},
    "nasdaq_rsi": {"type": "rsi", "period": 10, "data_source": "NASDAQ"},
}
SETS = {
    "rsi": {"indicator": "rsi_14", "low": [0, 25, 45], "middle": [35, 50, 65], "high": [55, 75, 100]},
    "trend": {"indicator": "macd_12.histogram", "fit": "quantiles", "terms": ["bear", "flat", "bull"]},
    "other": {"indicator": "nasdaq_rsi", "low": [0, 20, 50], "high": [50, 80, 100]},
}
RECURRENT = {"sequence_length": 5, "hidden_size": 8, "num_layers": 2}


def _of(name: str, **parts: Any) -> dict[str, Any]:
    symbols = parts.pop("symbols", {"mode": "single", "symbol": "SP500"})
    training_data = {
        "symbols": symbols,
        "timeframes": parts.pop("timeframes", DAYS),
        "date_range": parts.pop("date_range", {"start": "2009-01-01", "end": "2011-12-31"}),
        "history_required": parts.pop("history_required", 0),
    }
    inputs = parts.pop("nn_inputs")
    used = {str(item.get("fuzzy_set")) for item in inputs}
    indicators = {key: value for key, value in INDICATORS.items() if key != "nasdaq_rsi" or "other" in used}
    sets = {key: value for key, value in SETS.items() if key in used}
    return {
        **document(),
        "name": name,
        "training_data": training_data,
        "indicators": indicators,
        "fuzzy_sets": sets,
        "nn_inputs": inputs,
        **parts,
    }


DOCUMENTS = {
    "mlp": _of(
        "mlp",
        symbols=BOTH,
        timeframes=WEEKS_TOO,
        nn_inputs=[
            {"fuzzy_set": "rsi"},
            {"fuzzy_set": "trend"},
            {"raw_indicator": "ema_20", "timeframes": ["1d"], "normalization": "zscore"},
            {"raw_indicator": "macd_12.signal", "timeframes": ["1w"], "normalization": "minmax"},
        ],
        model={"type": "mlp", "architecture": {"hidden_layers": [16]}, "features": {"lookback_periods": 2}},
        decisions={"confidence_threshold": 0.42},
    ),
    "lstm": _of(
        "lstm",
        nn_inputs=[{"fuzzy_set": "rsi"}, {"fuzzy_set": "other"}, {"fuzzy_set": "trend"}],
        model={"type": "lstm", "architecture": RECURRENT},
    ),
    "gru": _of(
        "gru",
        symbols=BOTH,
        nn_inputs=[
            {"fuzzy_set": "trend"},
            {"raw_indicator": "rsi_14", "normalization": "minmax"},
            {"fuzzy_set": "other"},
        ],
        model={"type": "gru", "architecture": RECURRENT, "features": {"lookback_periods": 1}},
        decisions={"output_format": "regression", "cost_model": {"round_trip_cost": 0.001}},
        training={"labels": {"source": "forward_return", "horizon": 3}, "epochs": 2, "seed": 7},
    ),
    "from_the_first_bar": _of(
        "from_the_first_bar",
        date_range={"end": "2000-12-31"},
        history_required=60,
        nn_inputs=[{"fuzzy_set": "rsi"}, {"raw_indicator": "ema_20", "normalization": "none"}],
        model={"type": "mlp", "architecture": {"hidden_layers": [8]}},
    ),
}


@dataclass(frozen=True)
class TrainedModel:
    """A model as the store gives it, and what step 8 of its training was given and found."""

    model: LoadedModel
    data: DataManager
    outputs: npt.NDArray[np.float32]
    part: Part
    result: dict[str, Any]

    @property
    def predictor(self) -> Predictor:
        return Predictor(self.model, self.data)

    @property
    def dates(self) -> tuple[str | None, str | None]:
        request = self.model.config["request"]
        return request["start_date"], request["end_date"]


def train_and_load(case: str, data: DataManager, folder: Path, device: str = "cpu") -> TrainedModel:
    evaluated: list[Any] = []

    def keeping(outputs: Any, part: Part, **keys: Any) -> Any:
        evaluated.append((outputs, part))
        return evaluate(outputs, part, **keys)

    evaluate, storage = executor.evaluate, ModelStorage(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor, "evaluate", keeping)
        run = TrainingExecutor(load_strategy(DOCUMENTS[case]), data=data, model_storage=storage, device=device)
        result = run.execute(None, None, None, None)
    [(outputs, part)] = evaluated
    return TrainedModel(storage.load(*result["model_id"].split("/")), data, outputs, part, result)
