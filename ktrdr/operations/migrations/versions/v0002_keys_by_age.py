"""Idempotency keys are found by their age: every submission forgets the old ones."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the index."""
    op.create_index("idempotency_by_age", "idempotency", ["created_at"])
