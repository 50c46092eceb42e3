"""What is said about a set of labels."""

import json

import numpy as np
import pandas as pd
import pytest

from ktrdr.errors import NoRows
from ktrdr.labels import Labeler, LabelStatistics, build, label_statistics
from tests.ktrdr.labels.series import bars_of, random_bars


def statistics_of(bars: pd.DataFrame, labeler: Labeler) -> LabelStatistics:
    return label_statistics(labeler.label(bars), bars.index, labeler)


def test_classes_counted_by_hand() -> None:
    # low at 1 known at 3, rise known at 6, high at 4 known at 6, fall known at 9, low at 7 known at 9
    bars = bars_of([104, 100, 105, 110, 120, 115, 107, 100, 105, 112.0])
    # alive on bars 2 to 9: 1, 2, 2, 3, 4, 2, 3, 3
    unique = [
        (1 + 1 / 2) / 2,
        (1 / 2 + 1 / 2 + 1 / 3 + 1 / 4) / 4,
        (1 / 2 + 1 / 3 + 1 / 4) / 3,
        (1 / 3 + 1 / 4) / 2,
        (1 / 4 + 1 / 2 + 1 / 3 + 1 / 3) / 4,
        (1 / 2 + 1 / 3 + 1 / 3) / 3,
        1 / 3,
    ]
    assert statistics_of(bars, build({"source": "zigzag", "threshold": 0.1})).as_dict() == {
        "rows": 7,
        "shares": {"BUY": 2 / 7, "HOLD": 3 / 7, "SELL": 2 / 7},
        "returns": None,
        "mean_life_bars": pytest.approx((2 + 4 + 3 + 2 + 4 + 3 + 2) / 7),
        "median_life_bars": 3.0,
        "max_life_bars": 4,
        "mean_uniqueness": pytest.approx(sum(unique) / 7),
        "mean_run_length": 7 / 5,
    }


def test_returns_counted_by_hand() -> None:
    bars = bars_of([100.0, 110.0, 99.0, 99.0, 118.8])
    found = statistics_of(bars, build({"source": "forward_return", "horizon": 1}))
    assert found.shares is None
    assert found.mean_run_length is None
    assert found.returns is not None
    # returns of 0.1, -0.1, 0 and 0.2
    assert found.returns.mean == pytest.approx(0.05)
    assert found.returns.standard_deviation == pytest.approx(np.sqrt(0.0125))
    assert found.returns.quantiles == pytest.approx(
        {"0.05": -0.085, "0.25": -0.025, "0.5": 0.05, "0.75": 0.125, "0.95": 0.185}
    )
    assert (found.rows, found.mean_life_bars, found.max_life_bars, found.mean_uniqueness) == (4, 1.0, 1, 1.0)


def test_a_class_that_does_not_occur_has_a_share_of_none() -> None:
    found = statistics_of(bars_of([100.0, 101.0, 102.0]), build({"source": "context", "horizon": 1}))
    assert found.shares == {"BULLISH": 1.0, "NEUTRAL": 0.0, "BEARISH": 0.0}
    assert found.mean_run_length == 2.0


@pytest.mark.parametrize("source", ["zigzag", "triple_barrier", "forward_return", "context", "regime"])
def test_statistics_of_every_labeler_are_plain_values(source: str) -> None:
    labeler = build({"source": source})
    found = statistics_of(random_bars(400, seed=1), labeler)
    plain = found.as_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert (found.shares is None) == (found.returns is not None) == labeler.is_regression
    assert found.shares is None or sum(found.shares.values()) == pytest.approx(1)
    assert 1 <= found.median_life_bars <= found.max_life_bars
    assert 0 < found.mean_uniqueness <= 1


def test_labels_of_no_bar_have_no_statistics() -> None:
    with pytest.raises(NoRows, match=r"labels by zigzag has no rows: no swing of 0.02 or more is confirmed"):
        statistics_of(bars_of([100.0] * 5), build({"source": "zigzag"}))
