from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from actors.meters import Counter, Gauge, Histogram, Meters
from actors.meters.ray_mirror import RayMirror
from tests.fakes.scrape import families, series, value

PLAIN = Counter("ktrdr_plain_total", "Plain.")
BY_COLOUR = Counter("ktrdr_coloured_total", "By colour.", ("colour",))
LEVEL = Gauge("ktrdr_level", "By tank and side.", ("tank", "side"))
WAIT = Histogram("ktrdr_wait_seconds", "Waits.", buckets=(0.1, 1.0))
ALL = (PLAIN, BY_COLOUR, LEVEL, WAIT)


class Kept:
    """Stands for Ray's metrics: keeps what it is told."""

    def __init__(self, name: str, description: str, *rest: Any) -> None:
        self.made, self.told = (name, description, *rest), []

    def inc(self, tags: Mapping[str, str]) -> None:
        self.told.append((1.0, tags))

    def set(self, value: float, tags: Mapping[str, str]) -> None:
        self.told.append((value, tags))

    observe = set


class Kinds:
    def __init__(self) -> None:
        self.made: dict[str, Kept] = {}
        self.Counter = self.Gauge = self.Histogram = self._make

    def _make(self, name: str, *rest: Any) -> Kept:
        self.made[name] = Kept(name, *rest)
        return self.made[name]


def tell(meters: Meters) -> None:
    meters.count(PLAIN)
    meters.count(BY_COLOUR, colour="red")
    meters.count(BY_COLOUR, colour="red")
    meters.show(LEVEL, {("a", "left"): 2.0, ("b", "left"): 3.0})
    meters.observe(WAIT, 0.5)


def test_what_is_told_is_read_by_prometheus() -> None:
    meters = Meters(ALL)
    tell(meters)
    text = meters.text()
    assert value(text, "ktrdr_plain_total") == 1
    assert series(text, "ktrdr_coloured_total") == {("red",): 2}
    assert series(text, "ktrdr_level") == {("left", "a"): 2, ("left", "b"): 3}  # by the labels' names
    assert series(text, "ktrdr_wait_seconds_bucket") == {("0.1",): 0, ("1.0",): 1, ("+Inf",): 1}
    assert value(text, "ktrdr_wait_seconds_sum") == 0.5
    assert families(text) == sorted(metric.name for metric in ALL)  # and none beside them


def test_a_gauges_series_end_when_they_are_not_shown_again() -> None:
    meters = Meters(ALL)
    meters.show(LEVEL, {("a", "left"): 2.0})
    meters.show(LEVEL, {("b", "left"): 1.0})
    assert series(meters.text(), "ktrdr_level") == {("left", "b"): 1}


def test_a_series_can_be_there_at_zero() -> None:
    meters = Meters(ALL)
    meters.start(BY_COLOUR, colour="blue")
    assert series(meters.text(), "ktrdr_coloured_total") == {("blue",): 0}


def test_two_sets_of_meters_count_apart() -> None:
    one, other = Meters(ALL), Meters(ALL)
    one.count(PLAIN)
    assert (value(one.text(), "ktrdr_plain_total"), value(other.text(), "ktrdr_plain_total")) == (1, 0)


def test_a_label_that_is_not_declared_is_refused() -> None:
    with pytest.raises(ValueError, match="label"):
        Meters(ALL).count(BY_COLOUR, operation_id="train-1")


def test_ray_is_told_the_same_of_metrics_that_are_made_once() -> None:
    kinds = Kinds()
    tell(Meters(ALL, [RayMirror(ALL, kinds)]))
    assert {name: kept.told for name, kept in kinds.made.items()} == {
        "ktrdr_plain_total": [(1.0, {})],
        "ktrdr_coloured_total": [(1.0, {"colour": "red"})] * 2,
        "ktrdr_level": [(2.0, {"tank": "a", "side": "left"}), (3.0, {"tank": "b", "side": "left"})],
        "ktrdr_wait_seconds": [(0.5, {})],
    }
    assert kinds.made["ktrdr_wait_seconds"].made == ("ktrdr_wait_seconds", "Waits.", [0.1, 1.0], ())
    assert kinds.made["ktrdr_level"].made == ("ktrdr_level", "By tank and side.", ("tank", "side"))


def test_what_is_gone_is_zero_for_ray_where_no_series_ends() -> None:
    kinds = Kinds()
    meters = Meters(ALL, [RayMirror(ALL, kinds)])
    meters.show(LEVEL, {("a", "left"): 2.0})
    meters.show(LEVEL, {})
    assert kinds.made["ktrdr_level"].told[1:] == [(0.0, {"tank": "a", "side": "left"})]


def test_rays_own_metrics_take_what_is_declared() -> None:
    tell(Meters(ALL, [RayMirror(ALL)]))  # Ray judges names, labels and buckets when they are made and told
