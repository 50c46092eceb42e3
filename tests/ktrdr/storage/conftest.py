from datetime import UTC, datetime, timedelta

import pytest

from ktrdr.storage import ModelStorage
from tests.fakes.files import QuickFiles


class Days:
    """A clock that shows noon, each time of the next day."""

    def __init__(self):
        self.now = datetime(2025, 12, 31, 12, tzinfo=UTC)

    def __call__(self):
        self.now += timedelta(days=1)
        return self.now


@pytest.fixture
def root(tmp_path):
    return tmp_path / "state" / "models"


@pytest.fixture
def store(root):
    """Return a store whose saves and changes of aliases are a day apart, from 2026-01-01 on."""
    return ModelStorage(root, QuickFiles(), Days())
