"""NumPy's values as Python's."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest
from pydantic import TypeAdapter

from ktrdr.declaration import Declaration, build_declared, without_numpy
from ktrdr.errors import StrategyError


class Window(Declaration):
    length: int
    share: float = 0.5


WINDOW = TypeAdapter(dict[str, Window])


def test_numbers_and_arrays_become_pythons_at_every_depth() -> None:
    config = MappingProxyType(
        {"a": [np.int64(3), (np.float32(0.5), np.bool_(True))], "b": np.array([[1, 2]]), "c": "x"}
    )
    plain = without_numpy(config)
    assert plain == {"a": [3, (0.5, True)], "b": [[1, 2]], "c": "x"}
    first, (second, third) = plain["a"]
    assert [type(value) for value in (first, second, third, plain["b"][0][0])] == [int, float, bool, int]


def test_a_declaration_takes_whole_numbers_of_numpy_and_stays_strict_about_others() -> None:
    assert build_declared(WINDOW, {"w": {"length": np.int64(14)}}, "windows") == {"w": Window(length=14)}
    with pytest.raises(StrategyError, match=r"w\.length: expected a whole number, got 14\.5"):
        build_declared(WINDOW, {"w": {"length": np.float64(14.5)}}, "windows")
    with pytest.raises(StrategyError, match="expected a whole number"):
        build_declared(WINDOW, {"w": {"length": np.timedelta64(14)}}, "windows")


def test_values_that_hold_themselves_come_to_an_end() -> None:
    config: dict[str, object] = {}
    config["w"] = config
    with pytest.raises(StrategyError, match="unknown key 'w'"):
        build_declared(WINDOW, config, "windows")


def test_what_is_given_is_left_as_it_is() -> None:
    config = {"w": {"length": np.int64(14)}}
    build_declared(WINDOW, config, "windows")
    assert isinstance(config["w"]["length"], np.int64)
