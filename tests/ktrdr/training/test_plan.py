from __future__ import annotations

import subprocess
import sys

import pytest

import ktrdr.training
from ktrdr.errors import NoBars, NoRows, OneClassLabels, UnknownSymbol
from ktrdr.strategy import load_strategy
from ktrdr.training import TrainingExecutor, plan_training
from tests.ktrdr.training.strategies import bundled_data, document, small_strategy


def test_planning_imports_no_torch():
    code = "import sys; from ktrdr.training import plan_training; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_bars_are_counted_with_those_before_the_start():
    plan = plan_training(small_strategy(), bundled_data())
    # 20 bars for the labels' volatility, which look back further than rsi_14
    assert plan.bars == {"SP500 1d": plan.rows.rows_loaded + 20}
    assert plan.warmup_bars == 14
    assert sum(plan.label_shares.values()) == pytest.approx(1)


def test_warm_up_is_counted_to_the_first_bar_that_has_its_slower_values_too():
    keys = document()
    keys["training_data"] |= {
        "timeframes": {"mode": "multi_timeframe", "list": ["1d", "1w"]},
        "date_range": {"end": "2003-12-31"},
    }
    plan = plan_training(load_strategy(keys), bundled_data())
    assert plan.resampled == {"SP500 1w": "1d"}
    # 14 weeks of warm-up, then the bar in which the fifteenth week closes
    assert plan.warmup_bars == plan.rows.rows_warmup > 14 * 4


def test_bars_of_a_timeframe_that_no_input_reads_are_not_loaded():
    keys = document()
    keys["training_data"]["timeframes"] = {"mode": "multi_timeframe", "list": ["1h", "1d"], "base_timeframe": "1d"}
    for item in keys["nn_inputs"]:
        item["timeframes"] = ["1d"]
    assert set(plan_training(load_strategy(keys), bundled_data()).bars) == {"SP500 1d"}


def test_another_symbol_that_is_not_there_is_refused_at_the_indicator_that_names_it():
    keys = document()
    keys["indicators"]["roc_10"]["data_source"] = "NASDAK"
    with pytest.raises(UnknownSymbol) as caught:
        plan_training(load_strategy(keys), bundled_data())
    assert caught.value.path == "indicators.roc_10.data_source"
    assert "NASDAQ 1d" in caught.value.suggestion


def test_counts_beyond_all_rows_are_as_good_as_all_rows():
    split = {"train": 0.7, "validation": 0.15, "test": 0.15, "embargo_bars": 10**30}
    with pytest.raises(NoRows, match="embargo"):
        plan_training(small_strategy(data_split=split), bundled_data())
    result = TrainingExecutor(small_strategy(batch_size=10**30), data=bundled_data()).execute(None, None, None, None)
    assert result["training_metrics"]["epochs_completed"] == 2


def test_a_plan_says_what_a_training_would_fail_with():
    with pytest.raises(NoBars):
        plan_training(small_strategy(), bundled_data(), start_date="1900-01-01", end_date="1900-12-31")
    with pytest.raises(OneClassLabels):
        labels = {"source": "triple_barrier", "pt_multiplier": 1e6, "sl_multiplier": 1e6, "expiry_band": 1e6}
        plan_training(small_strategy(labels=labels), bundled_data())


def test_every_exported_name_is_there():
    for name in ktrdr.training.__all__:
        assert getattr(ktrdr.training, name) is not None
    with pytest.raises(AttributeError):
        ktrdr.training.nothing  # noqa: B018
