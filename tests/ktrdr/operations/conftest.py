from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ktrdr.operations import OperationBook, OperationStore
from tests.ktrdr.operations.builders import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state/operations.db"


@pytest.fixture
def store(url: str) -> Iterator[OperationStore]:
    opened = OperationStore(url)
    yield opened
    opened.close()


@pytest.fixture
def book(store: OperationStore, clock: Clock) -> OperationBook:
    return OperationBook(store, clock)
