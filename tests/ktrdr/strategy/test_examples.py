"""The strategies that come with ktrdr: valid, and fit for the bars that come with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ktrdr.data import BarStore, SeriesKey
from ktrdr.fuzzy import fuzzify, set_coverage
from ktrdr.indicators import compute_all
from ktrdr.strategy import load_strategy, validate_strategy

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "strategies").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid_without_a_note_and_named_like_its_file(path):
    found = validate_strategy(path)
    assert (found.problems, found.notes) == ((), ())
    assert found.strategy.name == path.stem


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_leaves_few_bars_in_no_term_and_few_labels_rare(path):
    strategy = load_strategy(path)
    for symbol in strategy.symbols:
        bars = BarStore([ROOT / "data"]).read(SeriesKey(symbol, "1d"))
        degrees = fuzzify(strategy.fuzzy_sets, compute_all(strategy.indicators, bars))
        for name, fuzzy_set in strategy.fuzzy_sets.items():
            columns = degrees[[f"{name}_{term}" for term in fuzzy_set.memberships]].iloc[strategy.warmup :]
            dead_zone, _ = set_coverage(columns)
            assert dead_zone < 0.05, f"{name} on {symbol}"
            assert (columns.max() > 0.9).all(), f"a term of {name} never applies on {symbol}"
        shares = strategy.training.labels.label(bars)["label"].value_counts(normalize=True)
        assert len(shares) == 3
        assert shares.min() > 0.05
