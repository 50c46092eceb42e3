from __future__ import annotations

import logging
from pathlib import Path

import pytest

from actors.default_mode import DefaultMode
from cluster import ENVIRONMENTS, Environment, Environments
from ktrdr.errors import RequestError
from ktrdr.operations import OperationBook, OperationStore, utc_now

LAB = Environments((Environment(name="bench", mode="lab"),))


@pytest.fixture
def book(tmp_path: Path) -> OperationBook:
    return OperationBook(OperationStore(f"sqlite:///{tmp_path / 'operations.db'}"), utc_now)


def test_it_is_stored_else_configured_else_auto_and_says_which(book: OperationBook) -> None:
    assert DefaultMode(book, None, LAB).read().model_dump() == {"default_execution_mode": "auto", "source": "built in"}
    configured = DefaultMode(book, "lab", LAB)
    assert configured.read().model_dump() == {"default_execution_mode": "lab", "source": "environment"}
    changed = configured.change("auto")
    assert (changed.previous.source, changed.current.source) == ("environment", "api")
    assert DefaultMode(book, "lab", LAB).read().default_execution_mode == "auto"


def test_a_mode_that_no_environment_has_is_refused_and_changes_nothing(book: OperationBook) -> None:
    default = DefaultMode(book, None, LAB)
    with pytest.raises(RequestError) as refused:
        default.change("labb")
    assert (refused.value.path, refused.value.suggestion) == ("default_execution_mode", "Did you mean 'lab'?")
    assert default.read().source == "built in"


def test_a_stored_mode_that_no_environment_has_is_not_followed_and_said_once(
    book: OperationBook, caplog: pytest.LogCaptureFixture
) -> None:
    DefaultMode(book, None, ENVIRONMENTS).change("cloud")
    default = DefaultMode(book, "lab", LAB)
    with caplog.at_level(logging.WARNING, "ktrdr.default_mode"):
        assert default.read().model_dump() == {"default_execution_mode": "lab", "source": "environment"}
        assert DefaultMode(book, None, LAB).read().source == "built in"
        default.read()
    assert len(caplog.records) == 2  # one for each of the two
    assert "'cloud'" in caplog.text
    assert "auto, lab" in caplog.text
    assert DefaultMode(book, None, ENVIRONMENTS).read().source == "api"
