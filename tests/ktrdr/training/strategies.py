"""A small strategy on the bundled bars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ktrdr.data import BarStore, DataManager
from ktrdr.strategy import Strategy, load_strategy

BUNDLED = Path(__file__).parents[3] / "data"


def document(**training: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "training_data": {
            "symbols": {"mode": "single", "symbol": "SP500"},
            "timeframes": {"mode": "single", "timeframe": "1d"},
            "date_range": {"start": "2008-01-01", "end": "2012-12-31"},
        },
        "indicators": {"rsi_14": {"type": "rsi", "period": 14}, "roc_10": {"type": "roc", "period": 10}},
        "fuzzy_sets": {
            "rsi": {"indicator": "rsi_14", "low": [0, 25, 45], "middle": [35, 50, 65], "high": [55, 75, 100]},
            "roc": {"indicator": "roc_10", "falling": [-30, -10, 0], "rising": [0, 10, 30]},
        },
        "nn_inputs": [{"fuzzy_set": "rsi"}, {"fuzzy_set": "roc"}],
        "model": {"type": "mlp", "architecture": {"hidden_layers": [8]}},
        "training": {
            "labels": {"source": "triple_barrier", "max_holding_period": 10, "vol_span": 20},
            "epochs": 2,
            "seed": 7,
            **training,
        },
    }


def small_strategy(**training: Any) -> Strategy:
    return load_strategy(document(**training))


def bundled_data() -> DataManager:
    return DataManager(BarStore([BUNDLED]))
