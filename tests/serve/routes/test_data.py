"""`/data` through the application."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from actors.gateway import Gateway
from ktrdr.data import BarStore, SeriesKey
from ktrdr.errors import InfrastructureError
from tests.serve.conftest import API


def test_the_series_there_are_come_from_the_bars_actor(client: TestClient, tmp_path: Path) -> None:
    before = client.get(f"{API}/data").json()
    assert [(item["symbol"], item["timeframe"]) for item in before["items"]] == [("NASDAQ", "1d"), ("SP500", "1d")]
    bars = BarStore([Path(__file__).parents[3] / "data"]).read(SeriesKey("SP500", "1d"))
    BarStore([tmp_path / "data"]).write(SeriesKey("MINE", "1d"), bars[:10], trades_weekends=True)
    after = client.get(f"{API}/data").json()
    assert after["total_count"] == 3
    assert after["items"][0] == {
        "symbol": "MINE",
        "timeframe": "1d",
        "first": "1999-01-04",
        "last": "1999-01-15",
        "n_bars": 10,
        "trades_weekends": True,
    }


def test_a_bars_actor_that_is_away_is_a_503(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise InfrastructureError("The service's bars actor does not answer.")

    gateway: Gateway = client.app.state.gateway  # type: ignore[attr-defined]
    monkeypatch.setattr(gateway, "bars", away)
    answer = client.get(f"{API}/data")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
