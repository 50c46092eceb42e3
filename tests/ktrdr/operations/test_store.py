from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import create_engine, delete, insert, select, text
from sqlalchemy.exc import DBAPIError

from ktrdr.operations import Operation, OperationBook, OperationStatus, OperationStore
from ktrdr.operations.tables import OPERATIONS
from tests.ktrdr.operations.builders import Clock, pending


def test_a_store_reopened_keeps_everything(url: str, clock: Clock) -> None:
    store = OperationStore(url)
    book = OperationBook(store, clock)
    book.submit(pending("train-a"), "key", "sha")
    book.submit(pending("train-b"))
    book.claim("cpu-docker", "d-1")
    book.record_epochs("train-a", 1, [{"epoch": 1, "val_loss": 0.5}])
    book.begin_commit("train-a", 1)
    book.put_setting("default_execution_mode", "host")
    before = [book.get("train-a"), book.get("train-b")]
    store.close()

    again = OperationStore(url)
    reread = OperationBook(again, clock)
    assert [reread.get("train-a"), reread.get("train-b")] == before
    assert reread.epochs("train-a") == [{"epoch": 1, "val_loss": 0.5}]
    assert reread.setting("default_execution_mode") == "host"
    assert reread.submit(pending("train-c"), "key", "sha") == (before[0], False)
    assert reread.complete("train-a", 1, {"success": True}) is not None
    again.close()


def test_a_sqlite_file_is_written_ahead_and_to_the_disk(sqlite_url: str) -> None:
    store = OperationStore(sqlite_url)
    with store.writing() as rows:
        connection = rows._connection
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 5_000
    with create_engine(sqlite_url).connect() as other:
        assert other.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_a_block_that_raises_changes_nothing(store: OperationStore) -> None:
    def half_a_change() -> None:
        with store.writing() as rows:
            rows.insert(pending("train-a"))
            rows.insert(pending("train-a"))

    with pytest.raises(DBAPIError, match=r"(?i)unique"):
        half_a_change()
    with store.reading() as rows:
        assert rows.find("train-a") is None


def test_epochs_belong_to_an_operation_there_is(store: OperationStore) -> None:
    def orphan() -> None:
        with store.writing() as rows:
            rows.add_epochs("train-none", 1, [{"epoch": 1}])

    with pytest.raises(DBAPIError, match=r"(?i)foreign key"):
        orphan()


def test_readers_do_not_wait_for_a_writer(store: OperationStore) -> None:
    with store.writing() as rows:
        rows.insert(pending("train-a"))
        with store.reading() as others:
            assert others.find("train-a") is None
    with store.reading() as others:
        assert others.find("train-a") == pending("train-a")


def test_what_a_writer_has_read_stays_true_until_it_commits(store: OperationStore, url: str) -> None:
    other, has_asked, order = OperationStore(url), threading.Event(), []

    def claim_after() -> Operation | None:
        has_asked.set()
        with other.writing() as rows:
            order.append("second")
            return rows.oldest_pending("cpu-docker")

    with store.writing() as rows:
        rows.insert(pending("train-a"))
    with ThreadPoolExecutor() as pool:
        with store.writing() as rows:
            first = rows.oldest_pending("cpu-docker")
            assert first is not None
            found = pool.submit(claim_after)
            assert has_asked.wait(10)
            with pytest.raises(TimeoutError):  # it waits for its turn
                found.result(timeout=0.2)
            rows.replace(first.moved(OperationStatus.RUNNING, Clock()()))
            order.append("first")
        assert found.result(timeout=30) is None  # and looks only then
    assert order == ["first", "second"]
    other.close()


def test_a_reader_sees_one_moment(store: OperationStore) -> None:
    with store.reading() as rows:
        assert rows.find("train-a") is None
        with store.writing() as others:
            others.insert(pending("train-a"))
        assert rows.find("train-a") is None


def test_two_stores_on_one_file_never_claim_the_same_operation(url: str, clock: Clock) -> None:
    stores = [OperationStore(url), OperationStore(url)]
    books = [OperationBook(store, clock) for store in stores]
    for n in range(20):
        books[0].submit(pending(f"train-{n:02d}"))
    claimed: list[str] = []

    def claim_all(book: OperationBook, owner: str) -> None:
        held: list[tuple[str, int]] = []
        while (operation := book.claim("cpu-docker", owner, held)) is not None:
            held.append((operation.operation_id, operation.attempt))
        claimed.extend(operation_id for operation_id, _ in held)

    with ThreadPoolExecutor() as pool:
        running = [pool.submit(claim_all, book, str(n)) for n, book in enumerate(books)]
        for one in running:
            one.result(timeout=30)
    assert sorted(claimed) == [f"train-{n:02d}" for n in range(20)]
    for store in stores:
        store.close()


@pytest.mark.parametrize("filters", [{}, {"status": "completed", "cursor": "5000"}, {"active": False}])
def test_a_page_of_ten_thousand_is_of_the_newest_and_found_by_an_index(
    ten_thousand: OperationBook, filters: dict[str, Any]
) -> None:
    with ten_thousand._store.reading() as rows:  # one thread has one connection
        connection = rows._connection.connection.dbapi_connection
    hundreds_of_steps: list[None] = []
    connection.set_progress_handler(lambda: hundreds_of_steps.append(None), 100)
    page = ten_thousand.page(**filters)
    connection.set_progress_handler(None, 0)
    assert 0 < len(hundreds_of_steps) < 250  # of SQLite's machine: two for each in an index; to sort them takes 500
    assert page.total_count == (5_000 if filters else 10_000)
    assert page.items[0].operation_id == ("train-04999" if "cursor" in filters else "train-09999")


@pytest.fixture(scope="module")
def ten_thousand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperationBook]:
    """As many operations as large as they are, half of them with the result of a training of 100 epochs."""
    store = OperationStore(f"sqlite:///{tmp_path_factory.mktemp('store')}/operations.db")
    request = {"strategy": {f"key {n}": "a value of a strategy's" for n in range(100)}}
    ended = {"status": "completed", "result": {"training_metrics": {"train_loss": [0.123456789] * 700}}}
    with store.writing() as rows:
        rows.insert(pending(request=request))
        rows.insert(pending("train-2", request=request, **ended))
        kinds = rows._connection.execute(select(OPERATIONS).order_by(OPERATIONS.c.sequence)).mappings().all()
        rows._connection.execute(delete(OPERATIONS))
        made = []
        for n in range(10_000):
            document = {**kinds[n % 2]["document"], "operation_id": f"train-{n:05d}"}
            changes = {"sequence": n, "operation_id": document["operation_id"], "document": document}
            made.append({**kinds[n % 2], **changes})
        rows._connection.execute(insert(OPERATIONS), made)
    yield OperationBook(store, Clock())
    store.close()


def test_a_listing_carries_no_results(book: OperationBook) -> None:
    book.submit(pending("train-a"))
    book.claim("cpu-docker", "d-1")
    book.begin_commit("train-a", 1)
    book.complete("train-a", 1, {"model_id": "m"})
    assert book.get("train-a").result == {"model_id": "m"}
    assert book.page().items[0].result is None


def test_numbers_that_are_not_finite_are_kept_as_none(book: OperationBook) -> None:
    book.submit(pending("train-a"))
    book.claim("cpu-docker", "d-1")
    book.record_epochs("train-a", 1, [{"epoch": 1, "val_loss": float("nan"), "val_accuracy": None}])
    book.begin_commit("train-a", 1)
    book.complete("train-a", 1, {"mcc": float("nan"), "bounds": [float("-inf"), 1.5]})
    assert book.epochs("train-a") == [{"epoch": 1, "val_loss": None, "val_accuracy": None}]
    assert book.get("train-a").result == {"mcc": None, "bounds": [None, 1.5]}


def test_ten_thousand_epochs_are_kept_in_one_report(book: OperationBook) -> None:
    book.submit(pending("train-a"))
    book.claim("cpu-docker", "d-1")
    epochs = [{"epoch": n, "val_loss": 1 / n} for n in range(1, 10_001)]
    book.record_epochs("train-a", 1, epochs[5_000:5_010])
    book.record_epochs("train-a", 1, epochs)
    assert book.epochs("train-a") == epochs
