"""Every test here that takes a `url`, a `store` or a `book` is made on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ktrdr.operations import OperationBook, OperationStore
from tests.fakes.postgres import PostgresServer, binaries
from tests.ktrdr.operations.builders import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    found = binaries()
    if found is None:
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    server = PostgresServer(found)
    yield server
    server.stop()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state/operations.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.cleared_store()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """A database without tables."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.empty_database("fresh")


@pytest.fixture
def store(url: str) -> Iterator[OperationStore]:
    opened = OperationStore(url)
    yield opened
    opened.close()


@pytest.fixture
def book(store: OperationStore, clock: Clock) -> OperationBook:
    return OperationBook(store, clock)
