"""The tables of every version become those of the present one, and not a row is lost."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Column, Engine, MetaData, Table, create_engine, insert, inspect, select, text

from ktrdr.errors import UnusableStore
from ktrdr.operations import OperationBook, OperationStore
from ktrdr.operations.migrations import present
from ktrdr.operations.tables import METADATA
from tests.fakes.postgres import PostgresServer
from tests.ktrdr.operations.builders import Clock, pending

ROOT = Path(__file__).parents[3]

FIRST_VERSION = MetaData()
for _table in METADATA.sorted_tables:
    _table.to_metadata(FIRST_VERSION)
_operations: Table = FIRST_VERSION.tables["operations"]
_operations._columns.remove(_operations.c.result)  # type: ignore[attr-defined]
_operations.indexes = {index for index in _operations.indexes if index.name != "operations_by_status_alone"}
FIRST_VERSION.tables["idempotency"].indexes.clear()
"""The tables as ktrdr 0.1 made them, which noted no version."""


@pytest.fixture
def engine(empty_url: str) -> Engine:
    Path(empty_url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    return create_engine(empty_url)


def as_first_version(engine: Engine) -> list[str]:
    """Make a store of ktrdr 0.1 with rows in every table, and return the ids of its operations."""
    FIRST_VERSION.create_all(engine)
    ended = pending("train-b", status="completed", completed_at="2025-01-31T09:31:00.000Z", result={"model_id": "m"})
    operations = [pending("train-a"), ended, *(pending(f"train-{n:03d}") for n in range(450))]
    tables = FIRST_VERSION.tables
    with engine.begin() as connection:
        for one in operations:
            columns = {"status": one.status.value, "environment": "cpu-docker", "strategy_name": one.strategy_name}
            document = one.model_dump(mode="json")
            of_it = {"operation_id": one.operation_id, "created_at": one.created_at, "document": document}
            connection.execute(insert(tables["operations"]).values(**columns, **of_it))
        epoch = {"operation_id": "train-b", "attempt": 1, "epoch": 1, "document": {"epoch": 1, "val_loss": 0.5}}
        connection.execute(insert(tables["epochs"]).values(**epoch))
        key = {"key": "key", "body_sha256": "sha", "operation_id": "train-b", "created_at": "2025-01-31T09:30:00.000Z"}
        connection.execute(insert(tables["idempotency"]).values(**key))
        connection.execute(insert(tables["settings"]).values(key="default_execution_mode", value="host"))
    return [one.operation_id for one in operations]


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), METADATA))


def test_the_tables_made_are_those_that_the_code_knows(empty_url: str, engine: Engine) -> None:
    OperationStore(empty_url).close()
    assert differences(engine) == []
    # the constraints of one column, and the counter of SQLite, are not compared there
    made, wanted = inspect(engine), METADATA.tables
    assert [unique["column_names"] for unique in made.get_unique_constraints("operations")] == [["operation_id"]]
    assert len(made.get_foreign_keys("epochs")) == len(wanted["epochs"].foreign_keys)
    if engine.name == "sqlite":
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'")) == 1


def test_a_store_of_the_first_version_is_taken_up_without_losing_a_row(empty_url: str, engine: Engine) -> None:
    ids = as_first_version(engine)
    assert differences(engine) != []
    store = OperationStore(empty_url)
    book = OperationBook(store, Clock())
    assert differences(engine) == []
    assert {book.get(operation_id).operation_id for operation_id in ids} == set(ids)
    assert book.page(limit=500).total_count == len(ids)
    assert book.get("train-b").result == {"model_id": "m"}
    assert book.get("train-a") == pending("train-a")
    assert book.epochs("train-b") == [{"epoch": 1, "val_loss": 0.5}]
    assert book.setting("default_execution_mode") == "host"
    assert book.submit(pending("train-c"), "key", "sha")[0].operation_id == "train-b"
    assert book.submit(pending("train-c"))[1]
    assert book.page().items[0].operation_id == "train-c"
    store.close()
    with engine.connect() as connection:
        documents = connection.scalars(select(Table("operations", MetaData(), Column("document", JSON)).c.document))
        assert not any(document.get("result") for document in documents)


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(empty_url: str, engine: Engine) -> None:
    as_first_version(engine)
    with engine.begin() as connection:
        # the last statement of a step: what it did before must be undone, too
        connection.execute(text("CREATE INDEX idempotency_by_age ON settings (value)"))
    with pytest.raises(Exception, match="idempotency_by_age"):
        OperationStore(empty_url)
    columns = {column["name"] for column in inspect(engine).get_columns("operations")}
    assert "result" not in columns
    assert "alembic_version" not in inspect(engine).get_table_names()


def test_a_store_of_a_later_version_is_refused_and_left_alone(empty_url: str, engine: Engine) -> None:
    OperationStore(empty_url).close()
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        UnusableStore, match=f"is of version 9999; this ktrdr knows versions up to {present()}"
    ) as refused:
        OperationStore(empty_url)
    assert "Install the newer ktrdr" in str(refused.value.suggestion)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


def test_many_may_open_a_store_at_once(empty_url: str, engine: Engine) -> None:
    as_first_version(engine)
    with ThreadPoolExecutor(max_workers=4) as pool:
        for store in [one.result(timeout=60) for one in [pool.submit(OperationStore, empty_url) for _ in range(4)]]:
            store.close()
    assert differences(engine) == []


def test_processes_may_open_a_store_at_once(empty_url: str, engine: Engine) -> None:
    as_first_version(engine)
    code = f"from ktrdr.operations import OperationStore; OperationStore({empty_url!r}).close()"
    running = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE) for _ in range(2)]
    assert [one.communicate(timeout=120)[1].decode() for one in running] == ["", ""]
    assert differences(engine) == []


def test_only_opening_a_store_imports_alembic() -> None:
    code = "import sys, ktrdr.operations, ktrdr.wire; sys.exit('alembic' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_server_whose_connections_were_cut_is_gone_on_with(postgres: PostgresServer, clock: Clock) -> None:
    store = OperationStore(postgres.cleared_store())
    book = OperationBook(store, clock)
    book.submit(pending("train-a"))
    postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'cleared'")
    assert book.get("train-a") == pending("train-a")
    store.close()
