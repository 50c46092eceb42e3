from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.features import complete_rows, windows, with_lags

masks = st.lists(st.booleans(), min_size=1, max_size=40).map(np.array)


def _features(has_features: np.ndarray) -> np.ndarray:
    """Two features a bar that say which bar they are of; NaN where the bar has none."""
    bars = np.arange(len(has_features), dtype=float)
    return np.where(has_features[:, None], np.stack([bars, -bars], axis=1), np.nan)


@given(masks, st.integers(0, 6))
def test_a_lag_is_the_same_feature_that_many_bars_before(has_features, n_lags):
    features = _features(has_features)
    lagged = with_lags(features, n_lags)
    assert lagged.shape == (len(features), 2 * (n_lags + 1))
    for bar in range(len(features)):
        for lag in range(n_lags + 1):
            expected = features[bar - lag] if bar >= lag else [np.nan, np.nan]
            np.testing.assert_array_equal(lagged[bar, 2 * lag : 2 * lag + 2], expected)


@given(masks, st.integers(0, 4), st.one_of(st.none(), st.integers(1, 6)))
def test_a_row_is_complete_when_everything_the_network_reads_is_there(has_features, n_lags, sequence_length):
    has_lags = [
        all(bar - lag >= 0 and has_features[bar - lag] for lag in range(n_lags + 1)) for bar in range(len(has_features))
    ]
    expected = [usable and sum(has_lags[: bar + 1]) >= (sequence_length or 1) for bar, usable in enumerate(has_lags)]
    assert complete_rows(has_features, n_lags, sequence_length).tolist() == expected


@given(masks, st.integers(1, 6))
def test_a_window_is_the_last_bars_that_have_features_the_rows_own_the_last(has_features, sequence_length):
    rows = np.flatnonzero(complete_rows(has_features, 0, sequence_length))
    read = windows(_features(has_features), rows, sequence_length)
    assert read.shape == (len(rows), sequence_length, 2)
    for row, window in zip(rows, read, strict=True):
        usable = [bar for bar in range(row + 1) if has_features[bar]]
        assert window[:, 0].tolist() == usable[-sequence_length:]
        assert window[:, 1].tolist() == [-bar for bar in usable[-sequence_length:]]


def test_the_features_given_are_not_changed():
    features = _features(np.array([True, False, True]))
    before = features.copy()
    with_lags(features, 2)
    complete_rows(np.array([True, False, True]), 1, 2)
    np.testing.assert_array_equal(features, before)
