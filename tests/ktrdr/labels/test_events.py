"""Event sampling, counted by hand and against a slow reading of the definition."""

import math
import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.labels import build, cusum_events
from tests.ktrdr.labels.readings import events_by_definition
from tests.ktrdr.labels.series import bars_of, random_bars


def events_of(logs: list[float], threshold: float) -> list[int]:
    return cusum_events(np.exp(np.array(logs, dtype=float)), threshold).tolist()


def test_drift_is_summed_from_the_last_event_of_its_side() -> None:
    # s+ is .2, .4 (an event: 0), 0 after the fall, .2, .4 (an event)
    assert events_of([0, 0.2, 0.4, 0.3, 0.5, 0.7], 0.3) == [2, 5]


def test_a_fall_is_summed_apart_from_a_rise() -> None:
    # s- is -.1, -.3 (an event: 0), 0 after the rise, -.2, -.4 (an event)
    assert events_of([0, -0.1, -0.3, -0.2, -0.4, -0.6], 0.25) == [2, 5]


def test_a_rise_makes_up_for_a_fall_before_it() -> None:
    # s- is -.2, -.1, -.2, -.35
    assert events_of([0, -0.2, -0.1, -0.2, -0.35], 0.3) == [4]
    # s+ is .3 (an event: 0), then 0; s- is 0, -.2, -.3 (an event)
    assert events_of([0, 0.3, 0.1, 0.0], 0.25) == [1, 3]


def test_drift_of_just_the_threshold_is_no_event() -> None:
    half = math.log(2.0)  # logarithms of powers of two: sums are exact
    assert cusum_events(np.array([1.0, 2.0]), half).tolist() == []
    assert cusum_events(np.array([2.0, 1.0]), half).tolist() == []
    assert cusum_events(np.array([1.0, 2.0]), half * 0.999).tolist() == [1]


def test_the_first_bar_is_never_an_event() -> None:
    assert events_of([], 0.1) == events_of([5.0], 0.1) == []


@given(closes=st.lists(st.integers(80, 120).map(float), max_size=80), threshold=st.floats(1e-6, 0.5))
def test_events_equal_a_slow_reading_of_the_definition(closes: list[float], threshold: float) -> None:
    assert cusum_events(np.array(closes), threshold).tolist() == events_by_definition(closes, threshold)


@given(closes=st.lists(st.integers(80, 120).map(float), max_size=80), cut=st.integers(0, 80))
def test_later_closes_change_no_event(closes: list[float], cut: int) -> None:
    all_events = cusum_events(np.array(closes), 0.05)
    assert cusum_events(np.array(closes[:cut]), 0.05).tolist() == [event for event in all_events if event < cut]


def test_a_million_bars_take_seconds_at_most() -> None:
    closes = np.exp(np.random.default_rng(1).normal(0, 0.001, 1_000_000).cumsum())
    started = time.process_time()
    assert cusum_events(closes, 0.01).size > 1000
    assert time.process_time() - started < 5


def test_labels_at_events_are_those_of_all_bars() -> None:
    bars = random_bars(200, seed=1)
    events = cusum_events(bars["close"].to_numpy(), 0.05)
    for config in ({"source": "zigzag"}, {"source": "forward_return", "horizon": 5}, {"source": "context"}):
        of_all = build(config).label(bars)
        at_events = build({**config, "cusum_threshold": 0.05}).label(bars)
        expected = of_all[of_all.index.isin(bars.index[events])]
        assert 5 < len(at_events) < len(of_all) / 2
        assert at_events.equals(expected)


def test_where_no_bar_is_an_event_the_reason_names_the_threshold() -> None:
    labeler = build({"source": "zigzag", "cusum_threshold": 10})
    assert labeler.label(bars_of([100, 110, 99, 110.0])).empty
    assert labeler.why_none == (
        "no swing of 0.02 or more is confirmed, or no such bar is an event by its cusum_threshold of 10"
    )
    assert labeler.advice == "Lower its threshold, or widen the date range. Or lower its cusum_threshold."
    assert "cusum" not in build({"source": "zigzag"}).why_none + build({"source": "zigzag"}).advice
