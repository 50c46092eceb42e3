"""Results stand beside their documents, so that a listing does not read them; what is looked up has an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_OPERATIONS = sa.table(
    "operations", sa.column("sequence", sa.Integer), sa.column("document", sa.JSON), sa.column("result", sa.JSON)
)
_AT_ONCE = 200
"""Documents held in memory."""


def upgrade() -> None:
    """Add the column and the indexes, and move each result."""
    op.add_column("operations", sa.Column("result", sa.JSON(none_as_null=True)))
    op.create_index("operations_by_status_alone", "operations", ["status", "sequence"])
    op.create_index("idempotency_by_age", "idempotency", ["created_at"])
    connection, done = op.get_bind(), 0
    one = sa.select(_OPERATIONS.c.sequence, _OPERATIONS.c.document).order_by(_OPERATIONS.c.sequence).limit(_AT_ONCE)
    while rows := connection.execute(one.where(_OPERATIONS.c.sequence > done)).all():
        for sequence, document in rows:
            result = document.pop("result", None)
            if result is not None:
                here = sa.update(_OPERATIONS).where(_OPERATIONS.c.sequence == sequence)
                connection.execute(here.values(document=document, result=result))
        done = rows[-1].sequence
