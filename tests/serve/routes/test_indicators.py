"""`/indicators` through the application."""

from __future__ import annotations

from fastapi.testclient import TestClient

from tests.serve.conftest import API


def test_the_types_are_listed_and_with_talib_its_functions(client: TestClient) -> None:
    types = client.get(f"{API}/indicators").json()
    assert types["total_count"] == len(types["items"])
    assert {"rsi", "ichimoku", "talib"} <= {item["type"] for item in types["items"]}
    functions = client.get(f"{API}/indicators", params={"talib": True}).json()["items"]
    assert "talib:STOCHF" in [item["type"] for item in functions]
    assert "rsi" not in [item["type"] for item in functions]


def test_an_indicator_is_shown_by_each_of_its_names(client: TestClient) -> None:
    macd = client.get(f"{API}/indicators/macd").json()
    assert macd["outputs"] == ["line", "signal", "histogram"]
    assert macd["warmup"] == 33
    [slow] = [one for one in macd["parameters"] if one["name"] == "slow_period"]
    assert (slow["default"], slow["range"]) == (26, "2..500")
    assert client.get(f"{API}/indicators/bbands").json()["type"] == "bollingerbands"
    assert client.get(f"{API}/indicators/STOCHF").json() == client.get(f"{API}/indicators/talib:STOCHF").json()


def test_an_unknown_one_is_a_404_that_names_the_nearest(client: TestClient) -> None:
    answer = client.get(f"{API}/indicators/macdd")
    assert answer.status_code == 404
    assert "Did you mean 'macd'?" in answer.json()["errors"][0]["suggestion"]
