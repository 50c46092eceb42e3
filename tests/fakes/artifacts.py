"""Small models as a training would hand them over: everything in them belongs together."""

import numpy as np
import pandas as pd
import torch

from ktrdr.features import fit_inputs, state_of
from ktrdr.model.network import architecture_of, build_network
from ktrdr.storage import ModelArtifact, weights_of
from ktrdr.strategy import load_strategy

FEATURES = ("1d_rsi_low", "1d_rsi_high", "1d_macd_up", "1d_macd_down")
CLASSES = ("BUY", "HOLD", "SELL")

TREND = {
    "name": "trend",
    "training_data": {
        "symbols": {"mode": "single", "symbol": "SP500"},
        "timeframes": {"mode": "single", "timeframe": "1d"},
    },
    "indicators": {"rsi_14": {"type": "rsi", "period": 14}, "macd_12": {"type": "macd"}},
    "fuzzy_sets": {
        "rsi": {"indicator": "rsi_14", "low": [0, 25, 40], "high": [60, 75, 100]},
        "macd": {
            "indicator": "macd_12.histogram",
            "up": {"type": "sigmoid", "parameters": [0, 2]},
            "down": {"type": "sigmoid", "parameters": [0, -2]},
        },
    },
    "nn_inputs": [{"fuzzy_set": "rsi"}, {"fuzzy_set": "macd"}],
    "model": {"type": "mlp", "architecture": {"hidden_layers": [8]}},
    "training": {"labels": {"source": "zigzag"}},
}

FITTED = {
    **TREND,
    "name": "fitted",
    "training_data": {
        "symbols": {"mode": "single", "symbol": "SP500"},
        "timeframes": {"mode": "multi_timeframe", "list": ["1d", "1w"], "base_timeframe": "1d"},
    },
    "fuzzy_sets": {
        "rsi": TREND["fuzzy_sets"]["rsi"],
        "fit": {"indicator": "macd_12.line", "fit": "quantiles", "terms": ["bear", "flat", "bull"]},
        "idle": {"indicator": "rsi_14", "fit": "quantiles", "terms": ["low", "high"]},
    },
    "nn_inputs": [
        {"fuzzy_set": "rsi", "timeframes": ["1d"]},
        {"fuzzy_set": "fit", "timeframes": "all"},
        {"raw_indicator": "rsi_14", "timeframes": ["1d"], "normalization": "zscore"},
        {"raw_indicator": "macd_12.signal", "timeframes": ["1w"], "normalization": "minmax"},
    ],
    "model": {"type": "mlp", "architecture": {"hidden_layers": [8]}, "features": {"lookback_periods": 1}},
}
"""With sets that are fitted, one of them no input, raw inputs, two timeframes and lags."""

RETURNS = {
    **TREND,
    "name": "returns",
    "decisions": {"output_format": "regression", "cost_model": {"round_trip_cost": 0.002}},
    "training": {"labels": {"source": "forward_return", "horizon": 5}},
}
"""Forecasts returns."""

WINDOWS = {
    **TREND,
    "name": "windows",
    "model": {"type": "gru", "architecture": {"sequence_length": 3, "hidden_size": 4, "num_layers": 1}},
}
"""Reads windows of bars."""


def trained_artifact(seed=0, document=TREND, **changes):
    """Return what a training of the strategy in `document` hands over, with fields of it replaced by `changes`."""
    strategy = load_strategy(document)
    labeler = strategy.training.labels
    n_outputs = 1 if labeler.is_regression else len(labeler.class_names)
    torch.manual_seed(seed)
    network = build_network(strategy.model, len(strategy.features), n_outputs).eval()
    generator = np.random.default_rng(seed)
    length = strategy.model.sequence_length
    row = (len(strategy.features),) if length is None else (length, len(strategy.features))
    rows = generator.uniform(size=(10, *row)).astype(np.float32)
    with torch.inference_mode():
        outputs = network(torch.from_numpy(rows)).numpy()
    columns = [name for block in strategy.blocks for name in block.table_names]
    training = pd.DataFrame({name: generator.normal(size=50) for name in columns})
    fields = {
        "strategy": strategy.name,
        "symbols": strategy.symbols,
        "timeframe": strategy.base_timeframe,
        "weights": weights_of(network.state_dict()),
        "config": {"strategy": strategy.document(), "request": {"seed": seed}},
        "metrics": {"test_metrics": {"accuracy": 0.5 + seed / 100, "baseline": {"majority": 0.4}}},
        "features": {
            "features": list(strategy.features),
            "classes": list(labeler.class_names),
            "architecture": architecture_of(strategy.model, len(strategy.features), n_outputs),
            **state_of(fit_inputs(strategy.blocks, training), strategy.fuzzy_sets),
            "importance": {name: {"mean": 0.01, "std": 0.002} for name in strategy.features},
            "probe": {"rows": rows.tolist(), "outputs": outputs.tolist()},
        },
        "metadata": {"device": "cpu", "seed": seed},
    }
    if isinstance(changes.get("weights"), bytes):
        changes["weights"] = WeightBytes(changes["weights"])
    return ModelArtifact(**{**fields, **changes})


class WeightBytes:
    """Whatever bytes as weights."""

    def __init__(self, content):
        self._content, self.size = content, len(content)

    def __bytes__(self):
        return self._content

    def write_to(self, sink):
        sink.write(self._content)
