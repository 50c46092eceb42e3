"""The tables of the operations store. Documents are whole records as JSON; the columns beside them serve queries.

A change here goes with a step in `ktrdr.operations.migrations.versions`: that is what makes the tables.
"""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, MetaData, String, Table

METADATA = MetaData()

OPERATIONS = Table(
    "operations",
    METADATA,
    Column("sequence", Integer, primary_key=True),  # order of submission; SQLite counts up only a primary key
    Column("operation_id", String(64), nullable=False, unique=True),
    Column("status", String(16), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("strategy_name", String(64), nullable=False),
    Column("created_at", String(24), nullable=False),
    Column("document", JSON, nullable=False),
    Column("result", JSON(none_as_null=True)),  # not in the document: it may be large, and a listing does not show it
    Index("operations_by_status", "status", "environment", "sequence"),
    Index("operations_by_status_alone", "status", "sequence"),
    Index("operations_by_strategy", "strategy_name", "sequence"),
    sqlite_autoincrement=True,
)

EPOCHS = Table(
    "epochs",
    METADATA,
    Column("operation_id", ForeignKey("operations.operation_id"), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("document", JSON, nullable=False),
)

IDEMPOTENCY = Table(
    "idempotency",
    METADATA,
    Column("key", String(255), primary_key=True),
    Column("body_sha256", String(64)),
    Column("operation_id", ForeignKey("operations.operation_id"), nullable=False),
    Column("created_at", String(24), nullable=False),
    Index("idempotency_by_age", "created_at"),
)

SETTINGS = Table(
    "settings",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("value", String, nullable=False),
)
