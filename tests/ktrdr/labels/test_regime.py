"""Regime labels, counted by hand and against a slow reading of the definition."""

import itertools
import math
import statistics
from collections.abc import Collection
from typing import Any

import pandas as pd
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.labels import Regime
from tests.ktrdr.labels import readings
from tests.ktrdr.labels.readings import Rows, extremes_by_definition
from tests.ktrdr.labels.series import bars_of, random_bars

UP, DOWN, RANGING, VOLATILE = Regime.TREND_UP, Regime.TREND_DOWN, Regime.RANGING, Regime.VOLATILE


def rows_of(bars: pd.DataFrame, **config: Any) -> Rows:
    return readings.rows_of(bars, source="regime", **config)


def walk(*turns: int) -> list[float]:
    """Return closes that go from turn to turn in steps of 1."""
    closes = [float(turns[0])]
    for turn in turns[1:]:
        step = 1 if turn > closes[-1] else -1
        closes += [float(close) for close in range(int(closes[-1]) + step, turn + step, step)]
    return closes


def bars_with_a_range_of_two(closes: list[float], wide: Collection[int] = ()) -> pd.DataFrame:
    """Return bars whose true range is 2 after the first; 20 at the bars `wide`.

    A macro leg of 3 ranges then ends in 6 to 7 steps back, a swing of one range in 2 to 3.
    """
    reach = [10 if bar in wide else 1 for bar in range(len(closes))]
    highs = [close + by for close, by in zip(closes, reach, strict=True)]
    lows = [close - by for close, by in zip(closes, reach, strict=True)]
    return bars_of(closes, highs, lows)


def labels_by_leg(rows: Rows) -> list[tuple[int, int, int, int]]:
    """Return (first row, last row, label, known_at) of each run of equal labels known together."""
    legs: list[tuple[int, int, int, int]] = []
    for row, label, known in rows:
        if legs and legs[-1][1:] == (row - 1, label, known):
            legs[-1] = (legs[-1][0], row, label, known)
        else:
            legs.append((row, row, label, known))
    return legs


HEADWAY = walk(100, 106, 103, 110, 107, 112, 95, 102)
"""Highs 106, 110, 112 and lows 103, 107 on the way up from bar 0 to bar 24; straight down to bar 41."""
NO_HEADWAY = walk(100, 106, 103, 105, 102, 112, 95, 102)
"""Highs 106, 105, 112 and lows 103, 102 on the way up from bar 0 to bar 24: one of three got higher."""
SHORT = {"atr_period": 1, "vol_lookback": 1}


def test_a_leg_whose_swings_get_further_is_a_trend() -> None:
    # 112 at 24 is confirmed by 105 at 31: 1 - 105 / 112 >= 6 / 105; 95 at 41 by 101 at 47: 101 / 95 - 1 >= 6 / 101
    rows = rows_of(bars_with_a_range_of_two(HEADWAY), **SHORT)
    assert labels_by_leg(rows) == [(1, 24, UP, 31), (25, 41, DOWN, 47)]


def test_the_share_of_swings_that_get_further_decides() -> None:
    bars = bars_with_a_range_of_two(NO_HEADWAY)
    for tolerance, label in {0.5: RANGING, 0.34: RANGING, 1 / 3: UP, 0.1: UP}.items():
        rows = rows_of(bars, **SHORT, progression_tolerance=tolerance)
        # the way down has no swing inside: it makes headway
        assert labels_by_leg(rows) == [(1, 24, label, 31), (25, 41, DOWN, 47)]


def test_down_legs_are_judged_by_lower_swings() -> None:
    # lows 106, 103, 100 and highs 109, 106
    lower = walk(112, 106, 109, 103, 106, 100, 117, 110)
    rows = rows_of(bars_with_a_range_of_two(lower), **SHORT, progression_tolerance=1.0)
    assert [label for _, _, label, _ in labels_by_leg(rows)] == [DOWN, UP]
    # lows 106, 106, 100 and highs 109, 110: one of three got lower
    level = walk(112, 106, 109, 106, 110, 100, 117, 110)
    rows = rows_of(bars_with_a_range_of_two(level), **SHORT, progression_tolerance=0.5)
    assert [label for _, _, label, _ in labels_by_leg(rows)] == [RANGING, UP]


def test_swings_that_come_as_far_as_the_last_get_no_further() -> None:
    level = walk(100, 106, 103, 106, 103, 106, 98)
    # highs at 106 only; the first is the end of the leg, so no swing lies inside
    assert labels_by_leg(rows_of(bars_with_a_range_of_two(level), **SHORT))[0][:3] == (1, 6, UP)
    level = walk(100, 106, 103, 106, 103, 107, 99)
    # highs 106, 106, 107 and lows 103, 103: one of three
    assert labels_by_leg(rows_of(bars_with_a_range_of_two(level), **SHORT))[0][2] == RANGING


def test_swings_that_are_confirmed_only_after_the_leg_do_not_count() -> None:
    # On wide bars nothing is confirmed. The low 106 at bar 22 is below the low 107 at bar 13, and known at 38 by 108;
    # the leg's end, 114 at bar 30, is known at 37 by 107.
    closes = walk(100, 110, 107, 111, 106, 114, 107, 110)
    bars = bars_with_a_range_of_two(closes, wide=range(23, 37))
    assert labels_by_leg(rows_of(bars, **SHORT, progression_tolerance=1.0)) == [(1, 30, UP, 37)]
    # narrow bars make it known in time
    rows = rows_of(bars_with_a_range_of_two(closes), **SHORT, progression_tolerance=1.0)
    assert labels_by_leg(rows)[0] == (1, 30, RANGING, 37)


def test_a_wide_bar_is_volatile() -> None:
    rows = rows_of(bars_with_a_range_of_two(HEADWAY, wide=[14]), atr_period=1, vol_lookback=5)
    assert labels_by_leg(rows) == [(5, 13, UP, 31), (14, 14, VOLATILE, 31), (15, 24, UP, 31), (25, 41, DOWN, 47)]
    # against itself a bar is never wide
    rows = rows_of(bars_with_a_range_of_two(HEADWAY, wide=[14]), atr_period=1, vol_lookback=1)
    assert VOLATILE not in [label for _, label, _ in rows]


def test_the_first_row_has_a_full_window_of_volatility() -> None:
    bars = bars_with_a_range_of_two(HEADWAY)
    for atr_period, vol_lookback in [(1, 8), (4, 3), (3, 1)]:
        rows = rows_of(bars, atr_period=atr_period, vol_lookback=vol_lookback)
        assert rows[0][0] == atr_period + vol_lookback - 1


@pytest.mark.filterwarnings("error")
def test_enormous_multipliers_end_no_leg_and_find_no_crisis() -> None:
    bars = random_bars(80, seed=1)
    assert rows_of(bars, **SHORT, macro_atr_mult=1.7e308, micro_atr_mult=1e308) == []
    rows = rows_of(bars, **SHORT, vol_crisis_threshold=1.7e308)
    assert rows
    assert VOLATILE not in [label for _, label, _ in rows]
    assert rows_of(bars, vol_lookback=10**30) == []


def by_definition(bars: pd.DataFrame, config: dict[str, Any]) -> Rows:
    """Regime read word by word, a row at a time."""
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    atr = talib.ATR(high, low, close, timeperiod=config["atr_period"]).tolist()
    close = close.tolist()

    def legs(multiplier: float) -> list[tuple[int, str, int]]:
        pairs = zip(atr, close, strict=True)
        return extremes_by_definition(close, [multiplier * a / c if a > 0 else math.nan for a, c in pairs])

    macro, micro = legs(config["macro_atr_mult"]), legs(config["micro_atr_mult"])
    volatility = [a / c for a, c in zip(atr, close, strict=True)]
    rows: Rows = []
    for t in range(len(close)):
        window = volatility[max(0, t + 1 - config["vol_lookback"]) : t + 1]
        if len(window) < config["vol_lookback"] or any(math.isnan(v) for v in window):
            continue
        for (start, _, _), (end, kind, known) in itertools.pairwise(macro):
            if not start < t <= end:
                continue
            inside = [m for m in micro if start < m[0] <= end and m[2] <= known]
            further = []
            for number, (position, its_kind, _) in enumerate(inside):
                before = [m[0] for m in inside[:number] if m[1] == its_kind]
                if before:
                    was, now = close[before[-1]], close[position]
                    further.append(now > was if kind == "high" else now < was)
            share = sum(further) / len(further) if further else 1
            label = RANGING
            if volatility[t] > config["vol_crisis_threshold"] * statistics.median(window):
                label = VOLATILE
            elif share >= config["progression_tolerance"]:
                label = UP if kind == "high" else DOWN
            rows.append((t, int(label), known))
    return rows


@given(
    seed=st.integers(0, 2**32 - 1),
    n_bars=st.integers(2, 120),
    mults=st.sampled_from([(3.0, 1.0), (1.5, 0.5), (2.0, 1.9), (0.8, 0.05), (4.0, 0.3)]),
    atr_period=st.integers(1, 14),
    vol_lookback=st.integers(1, 12),
    vol_crisis_threshold=st.sampled_from([0.9, 1.2, 2.0]),
    progression_tolerance=st.sampled_from([0.2, 0.5, 0.75, 1.0]),
)
def test_labels_equal_a_slow_reading_of_the_definition(
    seed: int, n_bars: int, mults: tuple[float, float], **config: Any
) -> None:
    bars = random_bars(n_bars, seed)
    config |= {"macro_atr_mult": mults[0], "micro_atr_mult": mults[1]}
    assert rows_of(bars, **config) == by_definition(bars, config)


def test_random_walks_have_every_regime() -> None:
    rows = rows_of(random_bars(2000, seed=1), vol_lookback=20, vol_crisis_threshold=1.3)
    assert {label for _, label, _ in rows} == set(Regime)
