from __future__ import annotations

import subprocess
import sys

import pytest

import ktrdr.training
from ktrdr.errors import NoBars, OneClassLabels
from ktrdr.training import plan_training
from tests.ktrdr.training.strategies import bundled_data, small_strategy


def test_planning_imports_no_torch():
    code = "import sys; from ktrdr.training import plan_training; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_bars_are_counted_with_those_before_the_start():
    plan = plan_training(small_strategy(), bundled_data())
    # 20 bars for the labels' volatility, which look back further than rsi_14
    assert plan.bars == {"SP500 1d": plan.rows.rows_loaded + 20}
    assert plan.warmup_bars == 14
    assert sum(plan.label_shares.values()) == pytest.approx(1)


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
