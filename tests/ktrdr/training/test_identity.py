from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from ktrdr.strategy import load_strategy
from ktrdr.training import TrainingExecutor
from ktrdr.training.identity import code_sha256, sha256_of_code, training_sha256
from ktrdr.training.rows.preparation import load_market_data
from ktrdr.training.scope import settle_scope, settle_strategy
from ktrdr.training.steps import unreported
from tests.ktrdr.training.strategies import bundled_data, document, small_strategy


def identity_of(strategy=None, seed=7, overrides=None, **asked):
    settled = settle_strategy(strategy or small_strategy(), None, overrides)
    scope = settle_scope(settled, **asked)
    market = load_market_data(settled, bundled_data(), scope, unreported)
    return training_sha256(settled, scope, market, seed)


def test_what_a_training_records_is_what_its_request_is_compared_by():
    executor = TrainingExecutor(small_strategy(), data=bundled_data(), device="cpu")
    recorded = executor.execute(None, None, "2010-01-01", None, seed=3, run_name="any")["metadata"]
    assert recorded["training_sha256"] == identity_of(seed=3, start_date="2010-01-01")
    assert recorded["code_sha256"] == code_sha256()


def test_names_comments_and_the_order_of_keys_make_no_other_training():
    described = load_strategy({**dict(reversed(document().items())), "description": "says more"})
    assert identity_of(described) == identity_of()


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 8},
        {"overrides": {"training.epochs": 3}},
        {"overrides": {"fuzzy_sets.rsi.low": [0, 25, 46]}},
        {"validation_split": 0.3},
        {"start_date": "2008-01-03"},
        {"end_date": "2012-12-28"},
        {"symbols": ["NASDAQ"]},
    ],
)
def test_whatever_decides_what_comes_out_makes_another_training(changed):
    assert identity_of(**changed) != identity_of()


def test_the_order_of_symbols_is_that_of_the_rows_and_counts():
    assert identity_of(symbols=["SP500", "NASDAQ"]) != identity_of(symbols=["NASDAQ", "SP500"])


def test_dates_that_leave_the_same_bars_make_the_same_training():
    # 2011-12-31 and 2012-01-01 are a weekend and a holiday; the bars before the start are the warm-up of the same rows
    assert identity_of(end_date="2011-12-30") == identity_of(end_date="2012-01-02")


def test_the_same_bars_with_another_first_row_make_another_training():
    settled = small_strategy()
    scope = settle_scope(settled)
    market = load_market_data(settled, bundled_data(), scope, unreported)
    [(key, n_lookback)] = market.n_lookback.items()
    later = replace(market, n_lookback={key: n_lookback + 1})
    assert training_sha256(settled, scope, market, 7) != training_sha256(settled, scope, later, 7)


def test_a_formula_that_changes_changes_the_hash_of_the_code_and_a_route_does_not(tmp_path):
    for room, name in (("indicators", "momentum.py"), ("wire", "answers.py")):
        (tmp_path / room).mkdir()
        (tmp_path / room / name).write_text("x = 1\n")
    before = sha256_of_code(tmp_path, {"torch": "2.13"})
    (tmp_path / "wire" / "answers.py").write_text("x = 2\n")
    assert sha256_of_code(tmp_path, {"torch": "2.13"}) == before
    assert sha256_of_code(tmp_path, {"torch": "2.14"}) != before
    (tmp_path / "indicators" / "momentum.py").write_text("x = 2\n")
    assert sha256_of_code(tmp_path, {"torch": "2.13"}) != before


def test_comparing_imports_no_torch():
    code = "import sys; import ktrdr.training.identity as i; i.code_sha256(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
