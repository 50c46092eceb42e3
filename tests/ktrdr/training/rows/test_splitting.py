from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktrdr.errors import NoRows, NotEnoughBars, OneClassLabels
from ktrdr.strategy.training import DataSplit
from ktrdr.training.rows.splitting import UNKNOWN_CLASS, BaseBars, Draw, Rows, check_classes, draw_split

ACCOUNT_PARTS = ("warmup", "unlabelled", "purged", "embargoed", "train", "validation", "test")


def _bars(n_bars: int, start: str = "2020-01-01") -> pd.DataFrame:
    times = pd.date_range(start, periods=n_bars, tz="UTC", name="time", unit="us")
    close = 100 + np.cumsum(np.tile([1.0, -2.0, 0.0, 3.0], n_bars // 4 + 1)[:n_bars])
    return pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), close), index=times)


def _labels(bars: pd.DataFrame, rows: list[int], known: list[int]) -> pd.DataFrame:
    values = {"label": np.array(rows) % 3, "known_at": bars.index[known].as_unit("ns")}
    return pd.DataFrame(values, index=bars.index[rows])


def _complete(bars_of: dict[str, tuple[pd.DataFrame, int]]) -> dict[str, np.ndarray]:
    return {symbol: np.arange(len(bars)) >= warmup for symbol, (bars, warmup) in bars_of.items()}


def _parts(draw: Draw, symbol: str = "A") -> list[Rows]:
    return [part[symbol] for part in (draw.train, draw.validation, draw.test)]


def _regular(n_bars: int = 40, horizon: int = 1):
    bars = _bars(n_bars)
    rows = list(range(n_bars - horizon))
    return bars, _labels(bars, rows, [row + horizon for row in rows])


SPLIT = DataSplit(train=0.6, validation=0.2, test=0.2)


def test_parts_follow_each_other_and_share_no_label_time():
    bars, labels = _regular(horizon=3)
    draw = draw_split(_complete({"A": (bars, 4)}), {"A": labels}, SPLIT, {"A": BaseBars(bars)})
    for part, following in itertools.pairwise(_parts(draw)):
        assert part.known_at.max() < following.index.get_level_values("time").min()


def test_a_hand_counted_split():
    # bars 0..39, features from 4, labels to 36: 33 rows, bars 4..36; parts start at rows 0, 19, 26 = bars 4, 23, 30
    bars, labels = _regular(horizon=3)
    split = DataSplit(train=0.6, validation=0.2, test=0.2, embargo_bars=2)
    draw = draw_split(_complete({"A": (bars, 4)}), {"A": labels}, split, {"A": BaseBars(bars)})
    # bars 20..22 are known at 23 or later: purged; 18 and 19 are the embargo; the same before bar 30
    assert draw.train["A"].bar_number.tolist() == list(range(4, 18))
    assert draw.validation["A"].bar_number.tolist() == [23, 24]
    assert draw.test["A"].bar_number.tolist() == list(range(30, 37))
    account = draw.accounts["A"].model_dump()
    assert account == {
        "rows_loaded": 40,
        "rows_warmup": 4,
        "rows_unlabelled": 3,
        "rows_purged": 6,
        "rows_embargoed": 4,
        "rows_train": 14,
        "rows_validation": 2,
        "rows_test": 7,
    }


def test_shares_whose_sum_falls_short_in_binary_give_whole_rows():
    bars, labels = _regular(n_bars=61)
    split = DataSplit(train=0.7, validation=0.2, test=0.1)
    draw = draw_split(_complete({"A": (bars, 0)}), {"A": labels}, split, {"A": BaseBars(bars)})
    assert len(draw.test["A"]) == 6  # 60 * (0.7 + 0.2) is 53.99999999999999, which is meant to be 54


def test_lookback_bars_are_never_rows():
    bars, labels = _regular()
    draw = draw_split(_complete({"A": (bars, 0)}), {"A": labels}, SPLIT, {"A": BaseBars(bars, n_lookback=10)})
    assert draw.train["A"].bar_number[0] == 10
    assert draw.accounts["A"].rows_loaded == 30
    assert draw.accounts["A"].rows_warmup == 0


def test_bars_used_up_as_history_count_as_warm_up():
    bars, labels = _regular()
    draw = draw_split(_complete({"A": (bars, 3)}), {"A": labels}, SPLIT, {"A": BaseBars(bars, n_used_up=8)})
    assert draw.train["A"].bar_number[0] == 8
    assert draw.accounts["A"].rows_warmup == 8


def test_every_symbol_contributes_to_every_part_in_the_order_given():
    bars, labels = _regular()
    complete = _complete({"B": (bars, 0), "A": (bars, 5)})
    draw = draw_split(complete, {"B": labels, "A": labels}, SPLIT, {"B": BaseBars(bars), "A": BaseBars(bars)})
    for part in (draw.train, draw.validation, draw.test):
        assert list(part) == ["B", "A"]
        for symbol, rows in part.items():
            assert len(rows) > 0
            assert set(rows.index.get_level_values("symbol")) == {symbol}


def test_last_sign_is_the_sign_of_the_rows_own_return():
    bars, labels = _regular()
    draw = draw_split(_complete({"A": (bars, 1)}), {"A": labels}, SPLIT, {"A": BaseBars(bars)})
    times = draw.test["A"].index.get_level_values("time")
    assert draw.test["A"].last_sign.tolist() == np.sign(bars["close"].diff().loc[times]).astype(int).to_list()


def test_the_last_known_label_is_the_newest_one_known_by_the_rows_time():
    # labels known out of order: row 0 is known at bar 5, row 1 at 2, row 2 at 4, row 3 at 4, ...
    bars = _bars(16)
    labels = _labels(bars, list(range(15)), [5, 2, 4, 4, 5, *range(6, 16)])
    draw = draw_split(_complete({"A": (bars, 0)}), {"A": labels}, SPLIT, {"A": BaseBars(bars)})
    # rows 0 and 1 see none; 2 and 3 see row 1; 4 sees row 3; 5 to 7 see the row before
    assert draw.train["A"].last_known_y.tolist() == [UNKNOWN_CLASS, UNKNOWN_CLASS, 1, 1, 0, 1, 2, 0]


@pytest.mark.parametrize(
    ("case", "embargo", "message", "path"),
    [
        # 28 rows: 0.2 of them are bars 16..21, all known at bar 22 or later
        (_regular(40, 12), 0, r"all 6 \(0.2 of 28 rows .*\) are purged", "training.data_split.validation"),
        # 4 rows: parts start at 0, 2, 3, 4; the first is known at bar 3
        (_regular(7, 3), 0, r"training part of A .*all 2 .* are purged", "training.data_split.train"),
        (_regular(5, 1), 0, "0.1 of 4 rows .* is less than one", "training.data_split.validation"),
        # 19 rows: the first part is bars 0..10, the last of them purged
        (
            _regular(20, 1),
            11,
            "of 11 .* embargo of 11 bars drops 10 and 1 are purged",
            "training.data_split.embargo_bars",
        ),
        ((_bars(20), _labels(_bars(20), [], [])), 0, "no bar has both", "training.labels"),
    ],
)
def test_an_empty_part_names_what_emptied_it(case, embargo, message, path):
    bars, labels = case
    shares = {"train": 0.6, "validation": 0.2, "test": 0.2}
    if "0.1" in message:
        shares = {"train": 0.5, "validation": 0.1, "test": 0.4}
    split = DataSplit(**shares, embargo_bars=embargo)
    with pytest.raises(NoRows, match=message) as caught:
        draw_split(_complete({"A": (bars, 0)}), {"A": labels}, split, {"A": BaseBars(bars)})
    assert "of A has no rows" in str(caught.value)
    assert caught.value.path == path
    assert caught.value.suggestion


def test_a_symbol_whose_bars_are_all_warm_up_is_told_how_many_it_needs():
    bars, labels = _regular()
    arguments = ({"A": np.zeros(40, dtype=bool)}, {"A": labels}, SPLIT)
    with pytest.raises(NotEnoughBars, match="warm-up of A needs 61 bars and got 40") as caught:
        draw_split(*arguments, {"A": BaseBars(bars, n_warmup=60)})
    assert caught.value.path == "indicators"
    with pytest.raises(NotEnoughBars, match="needs 91 bars and got 40") as caught:
        draw_split(*arguments, {"A": BaseBars(bars, n_used_up=90, n_warmup=60)})
    assert caught.value.path == "training_data.history_required"
    with pytest.raises(NoRows, match="A has no rows: on every bar after the warm-up"):
        draw_split(*arguments, {"A": BaseBars(bars, n_warmup=39)})


def test_labels_of_one_class_are_refused_by_name():
    with pytest.raises(OneClassLabels, match="All 3 training labels of zigzag are HOLD"):
        check_classes(np.array([1, 1, 1]), "training", ("BUY", "HOLD", "SELL"), "zigzag")
    check_classes(np.array([1, 1, 2]), "training", ("BUY", "HOLD", "SELL"), "zigzag")


@st.composite
def drawn_cases(draw: st.DrawFn):
    n_bars = draw(st.integers(30, 80))
    rows = [bar for bar in range(n_bars - 1) if draw(st.integers(0, 9)) > 0]
    known = [min(row + draw(st.integers(1, 6)), n_bars - 1) for row in rows]
    train = draw(st.integers(40, 70))
    validation = draw(st.integers(10, 90 - train))
    shares = (train, validation, 100 - train - validation)
    return n_bars, rows, known, shares, draw(st.integers(0, 3)), draw(st.integers(0, 8)), draw(st.integers(0, 8))


@settings(max_examples=150, deadline=None)
@given(drawn_cases())
def test_the_split_equals_a_brute_force_reading_of_the_rules(case):
    n_bars, rows, known, shares, embargo, warmup, n_lookback = case
    bars = _bars(n_bars)
    train, validation, test = (share / 100 for share in shares)
    split = DataSplit(train=train, validation=validation, test=test, embargo_bars=embargo)
    expected = _brute_force(n_bars, dict(zip(rows, known, strict=True)), shares, embargo, max(warmup, n_lookback))
    arguments = (
        _complete({"A": (bars, warmup)}),
        {"A": _labels(bars, rows, known)},
        split,
        {"A": BaseBars(bars, n_lookback)},
    )
    if not all(expected):
        with pytest.raises(NoRows):
            draw_split(*arguments)
        return
    draw = draw_split(*arguments)
    got = [rows.bar_number.tolist() for rows in _parts(draw)]
    assert got == expected
    account = draw.accounts["A"].model_dump()
    assert account["rows_loaded"] == n_bars - n_lookback
    assert account["rows_loaded"] == sum(account[f"rows_{part}"] for part in ACCOUNT_PARTS)


def _brute_force(n_bars: int, known_at: dict[int, int], shares: tuple[int, int, int], embargo: int, first: int):
    rows = [bar for bar in range(first, n_bars) if bar in known_at]
    cuts = [math.floor(len(rows) * Fraction(sum(shares[:number]), 100)) for number in range(4)]
    parts = []
    for number in range(3):
        part = rows[cuts[number] : cuts[number + 1]]
        if cuts[number + 1] < len(rows):
            following = rows[cuts[number + 1]]
            part = [row for row in part if known_at[row] < following]
            part = [row for row in part if row <= part[-1] - embargo]
        parts.append(part)
    return parts
