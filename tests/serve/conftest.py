from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from ktrdr.settings import Settings
from serve.application import build_app
from tests.fakes.gateway import DirectGateway
from tests.fakes.house import House
from tests.fakes.prediction import direct_prediction

API = "/api/v1"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def client_of(house: House, tmp_path: Path, api_key: str | None = None) -> TestClient:
    """Return a client of the application whose actors are those of `house`."""
    settings = Settings(
        home=tmp_path / ".ktrdr",
        strategies_dir=Path(__file__).parents[2] / "strategies",
        api_key=SecretStr(api_key) if api_key else None,
    )
    app = build_app(settings, house.environments)
    app.state.gateway = DirectGateway(settings, house)
    app.state.predictions = direct_prediction(settings)
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def client(house: House, tmp_path: Path) -> Iterator[TestClient]:
    with client_of(house, tmp_path) as client:
        yield client
