"""A small model as a training would hand it over."""

import numpy as np
import torch

from ktrdr.model import MLP, MLPArchitecture
from ktrdr.model.network import architecture_of, build_network
from ktrdr.storage import ModelArtifact, weights_of

FEATURES = ("1d_rsi_low", "1d_rsi_high", "1d_macd_up", "1d_macd_down")
CLASSES = ("BUY", "HOLD", "SELL")


def trained_artifact(seed=0, **changes):
    torch.manual_seed(seed)
    model = MLP(type="mlp", architecture=MLPArchitecture(hidden_layers=[8]))
    network = build_network(model, len(FEATURES), len(CLASSES)).eval()
    rows = np.random.default_rng(seed).uniform(size=(10, len(FEATURES))).astype(np.float32)
    with torch.inference_mode():
        logits = network(torch.from_numpy(rows)).numpy()
    fields = {
        "strategy": "trend",
        "symbols": ("SP500",),
        "timeframe": "1d",
        "weights": weights_of(network.state_dict()),
        "config": {"strategy": {"name": "trend"}, "request": {"seed": seed}},
        "metrics": {"test_metrics": {"accuracy": 0.5 + seed / 100, "baseline": {"majority": 0.4}}},
        "features": {
            "features": list(FEATURES),
            "classes": list(CLASSES),
            "architecture": architecture_of(model, len(FEATURES), len(CLASSES)),
            "fuzzy_sets": {"rsi": {"low": {"type": "triangular", "parameters": [0, 25, 40]}}},
            "scalers": {},
            "importance": {name: {"mean": 0.01, "std": 0.002} for name in FEATURES},
            "probe": {"rows": rows.tolist(), "outputs": logits.tolist()},
        },
        "metadata": {"device": "cpu", "seed": seed},
    }
    return ModelArtifact(**{**fields, **changes})
