from __future__ import annotations

import json
import re

import pytest

from ktrdr.indicators import build
from ktrdr.indicators.catalog import describe_all, describe_talib
from ktrdr.strategy import read_document
from tests.fakes.machine import FakeMachine


@pytest.fixture
def indicators(ktrdr):
    """Run `indicators ...` where no service is."""
    return lambda *line: ktrdr(["indicators", *line], machine=FakeMachine())


def test_every_type_is_listed_with_defaults_outputs_and_warm_up(indicators):
    ran = indicators("list")
    assert all(info.type in ran.out for info in describe_all())
    [line] = [line for line in ran.out.splitlines() if line.strip().startswith("macd ")]
    assert "fast_period 12" in line and "line, signal, histogram" in line and " 33 " in line
    page = json.loads(indicators("list", "--json").out)
    assert page["items"] == [info.as_dict() for info in describe_all()]


def test_the_functions_of_talib_are_listed_by_group(indicators):
    page = json.loads(indicators("list", "--talib", "--json").out)
    assert page["total_count"] == len(describe_talib())
    assert "Momentum Indicators" in indicators("list", "--talib").out


@pytest.mark.parametrize(
    "name", ["rsi", "bbands", "ichimoku", "vwap", "obv", "STOCHF", "talib:MAMA", "BBANDS", "talib"]
)
def test_an_indicator_is_shown_with_ranges_source_and_a_config_that_can_be_built(indicators, name):
    ran = indicators("show", name)
    assert (ran.code, ran.err) == (0, "")
    described = json.loads(indicators("show", name, "--json").out)
    for parameter in described["parameters"]:
        assert parameter["name"] in ran.out
        assert parameter["range"] in ran.out
    assert described["source"] in ran.out
    config = re.search(r"my_id: ({.*})}$", ran.out, re.MULTILINE)
    assert config is not None
    assert build(read_document(f"config: {config[1]}").values["config"]).outputs


def test_on_a_narrow_terminal_no_type_is_broken_in_two(indicators, monkeypatch):
    monkeypatch.setattr("serve.cli.printing.WIDE", 80)
    ran = indicators("list")
    firsts = [line.split()[0] for line in ran.out.splitlines() if line.strip()]
    assert {info.type for info in describe_all()} <= set(firsts)
    assert "also called" not in ran.out
    assert max(map(len, ran.out.split("Next")[0].splitlines())) <= 80


def test_what_is_left_out_says_why(indicators):
    ran = indicators("show", "zigzag")
    assert ran.code == 1
    assert ran.err.startswith("Error: zigzag repaints")
    assert "a period of its own" in indicators("show", "MAVP").err


def test_an_unknown_one_is_refused_with_the_nearest(indicators):
    ran = indicators("show", "macdd")
    assert ran.code == 1
    assert "Did you mean 'macd'?" in ran.err
