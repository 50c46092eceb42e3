"""URLs that cannot be used, and databases that are away: said in a sentence, without the password."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest

from ktrdr.errors import KtrdrError, RequestError, StoreUnavailable, UnusableStore
from ktrdr.operations import OperationBook, OperationStore
from ktrdr.operations import database as module
from tests.fakes.postgres import PostgresServer
from tests.ktrdr.operations.builders import Clock, pending


def refused(url: str) -> KtrdrError:
    with pytest.raises(KtrdrError) as caught:
        OperationStore(url)
    error = caught.value
    assert "secret" not in f"{error!s}{error!r}{error.suggestion}"
    assert error.__cause__ is None and error.__suppress_context__
    assert error.suggestion
    return error


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("no url secret", "is not a database URL"),
        ("mysql://me:secret@db/x", "names a mysql database"),
        ("sqlite://", "in memory, which keeps nothing"),
        ("sqlite:///:memory:", "in memory, which keeps nothing"),
        ("postgresql+nonsense://me:secret@db/x", r"there is no driver 'postgresql\+nonsense'"),
    ],
)
def test_a_url_that_cannot_be_used_says_which_can(url: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        OperationStore(url)
    assert caught.value.path == "KTRDR_OPERATIONS_URL"
    assert "secret" not in f"{caught.value!s}{caught.value.suggestion}"


@pytest.mark.parametrize("url", ["postgresql://me:secret@db/x", "postgresql+pg8000://me:secret@db/x"])
def test_a_driver_that_is_not_installed_says_what_to_install(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pg8000", None)
    error = refused(url)
    assert "needs the driver pg8000" in str(error)
    assert error.suggestion == "Install it with `pip install 'ktrdr[postgres]'`, and begin the URL with postgresql://."


def test_a_server_that_is_not_there_is_named_without_user_and_password() -> None:
    error = refused("postgresql://me:secret@127.0.0.1:1/operations")
    assert isinstance(error, StoreUnavailable)
    assert "postgresql://127.0.0.1:1/operations" in str(error) and "Connection refused" in str(error)
    assert "Start the database" in str(error.suggestion)


def test_a_server_that_does_not_let_us_in_says_why(postgres: PostgresServer) -> None:
    assert "password authentication failed" in str(refused(postgres.url("postgres", password="secret")))
    assert 'database "absent" does not exist' in str(refused(postgres.url("absent")))


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "operations.db"
    path.write_text("these are my notes, and they are worth keeping\n" * 50)
    before = path.read_bytes()
    assert isinstance(refused(f"sqlite:///{path}"), UnusableStore)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    error = refused(f"sqlite:///{tmp_path}/file/operations.db")
    assert isinstance(error, StoreUnavailable)
    assert "its folder cannot be made" in str(error)


def test_a_store_that_another_holds_for_too_long_is_unavailable_and_then_goes_on(
    sqlite_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_TIMEOUT_MS", 10)
    store = OperationStore(sqlite_url)
    book = OperationBook(store, clock)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="database is locked"):
        book.submit(pending("train-a"))
    other.execute("COMMIT")
    other.close()
    assert book.submit(pending("train-a"))[1]
    store.close()


def test_a_disk_without_room_is_unavailable_and_changes_nothing(sqlite_url: str, clock: Clock) -> None:
    store = OperationStore(sqlite_url)
    book = OperationBook(store, clock)
    book.submit(pending("train-a"))
    with pytest.raises(StoreUnavailable, match="full"), store.writing() as rows:
        rows._connection.exec_driver_sql("PRAGMA max_page_count = 1")
        for n in range(1000):
            rows.insert(pending(f"train-{n:04d}"))
    assert [one.operation_id for one in book.page().items] == ["train-a"]
    store.close()
