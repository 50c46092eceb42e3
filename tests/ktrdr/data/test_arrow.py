from __future__ import annotations

import hashlib
import struct

import pandas as pd
import pyarrow as pa
import pytest

from ktrdr.data import bars_sha256, from_arrow, to_arrow
from ktrdr.errors import BadBars
from tests.ktrdr.data.walk import walk


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_bars_come_back_from_arrow_as_they_went(unit: str) -> None:
    bars = walk()
    bars.index = bars.index.as_unit(unit)
    table = to_arrow(bars)
    assert table.column_names == ["time", "open", "high", "low", "close", "volume"]
    pd.testing.assert_frame_equal(from_arrow(table), bars, check_freq=False)


def test_columns_of_other_number_types_become_float64() -> None:
    table = to_arrow(walk(3))
    table = table.set_column(5, "volume", pa.array([1, None, 3], pa.int32())).set_column(
        1, "open", pa.array([1, 2, 3], pa.float32())
    )
    bars = from_arrow(table)
    assert (bars.dtypes == "float64").all()
    assert bars["volume"].isna().tolist() == [False, True, False]


def test_times_in_another_zone_become_utc() -> None:
    bars = walk(3)
    there = to_arrow(bars.set_axis(bars.index.tz_convert("Asia/Tokyo")))
    pd.testing.assert_frame_equal(from_arrow(there), bars, check_freq=False)


def test_a_table_that_holds_no_bars_is_refused() -> None:
    table = to_arrow(walk(3))
    with pytest.raises(BadBars, match="has no column close"):
        from_arrow(table.drop_columns(["close"]))
    with pytest.raises(BadBars, match="column close is string, not numbers"):
        from_arrow(table.set_column(4, "close", pa.array(["1", "2", "3"])))
    for times in (pa.array([1, 2, 3]), table["time"].cast(pa.timestamp("us"))):
        with pytest.raises(BadBars, match=r"column time is .*, not UTC timestamps"):
            from_arrow(table.set_column(0, "time", times))


def test_the_hash_is_of_little_endian_nanoseconds_and_columns() -> None:
    bars = walk(2)
    expected = struct.pack("<2q", *(1577836800 * 10**9, 1577923200 * 10**9))
    for column in ("open", "high", "low", "close", "volume"):
        expected += struct.pack("<2d", *bars[column])
    assert bars_sha256(bars) == hashlib.sha256(expected).hexdigest()


def test_the_hash_ignores_the_resolution_of_times_and_the_order_of_columns() -> None:
    bars = walk()
    other = bars[bars.columns[::-1]].set_axis(bars.index.as_unit("ns"))
    assert bars_sha256(other) == bars_sha256(bars.set_axis(bars.index.as_unit("s")))


def test_any_other_value_or_time_gives_another_hash() -> None:
    bars = walk()
    hashes = {bars_sha256(bars), bars_sha256(bars.iloc[1:]), bars_sha256(bars.shift(1, freq="h"))}
    for column in bars.columns:
        changed = bars.copy()
        changed.loc[bars.index[10], column] += 1e-9
        hashes.add(bars_sha256(changed))
    assert len(hashes) == 3 + len(bars.columns)
