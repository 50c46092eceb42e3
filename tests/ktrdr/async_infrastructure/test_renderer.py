from __future__ import annotations

from typing import Any

import pytest

from ktrdr.async_infrastructure import TrainingProgressRenderer
from ktrdr.async_infrastructure.progress import CONTEXT_KEYS

TRAINING = "Training neural network model"


@pytest.mark.parametrize(
    ("number", "name", "context", "expected"),
    [
        (7, TRAINING, {"epoch": 5, "total_epochs": 100, "batch": 30, "total_batches": 100},
         "Training neural network model - Epoch 5/100 - Batch 30/100"),
        (7, TRAINING, {"epoch": 5, "total_epochs": 100}, "Training neural network model - Epoch 5/100"),
        (7, TRAINING, {}, "Training neural network model"),
        (2, "Calculating technical indicators", {"symbol": "SP500", "timeframe": "1d", "indicator": "rsi_14"},
         "Calculating technical indicators - rsi_14"),
        (1, "Loading market data", {"symbol": "SP500", "timeframe": "1d"}, "Loading market data - SP500 1d"),
        (5, "Generating labels", {"symbol": "SP500"}, "Generating labels - SP500"),
    ],
)  # fmt: skip
def test_a_line_says_the_step_and_what_it_is_at(number: int, name: str, context: dict[str, Any], expected: str) -> None:
    everything = {**dict.fromkeys(CONTEXT_KEYS), **context}
    assert TrainingProgressRenderer().render(number, name, everything) == expected
