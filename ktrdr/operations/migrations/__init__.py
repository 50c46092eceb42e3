"""The tables of the operations store through their versions: `versions/` has a step for each, applied at opening.

A step is a module with `revision`, `down_revision` and `upgrade`, as alembic has them. A step that has been released
is never edited: stores are there that took it. After the last one the tables are those of `ktrdr.operations.tables`.
"""

from __future__ import annotations

import functools
import threading
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect

from ktrdr.errors import UnusableStore
from ktrdr.operations.database import Database

FIRST = "0001"
"""The tables as they were before their version was noted in the store."""

_TURN = threading.Lock()
"""`alembic.op` is one for the process."""


def upgrade(database: Database) -> None:
    """Bring the tables to the present version, in one transaction: all steps or none. Does nothing where they are.

    Any number may do so at once: one of them upgrades, the others wait and find it done.

    Raises
    ------
    UnusableStore
        If the store was written by a newer version.
    """
    with database.reading() as connection:
        if _is_present(connection, database.name):
            return
    with _TURN, database.migrating() as connection:
        if not _is_present(connection, database.name):
            _upgrade(connection)


def present() -> str:
    """Return the version that the code knows last."""
    return str(_steps().get_current_head())


@functools.cache
def _steps() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent))


def _is_present(connection: Connection, name: str) -> bool:
    """Return whether the tables are of the present version; refuse those of a later one."""
    noted = MigrationContext.configure(connection).get_current_revision()
    if noted is not None:
        try:
            _steps().get_revision(noted)
        except CommandError:
            message = f"The operations store {name} is of version {noted}; this ktrdr knows versions up to {present()}."
            advice = "Install the newer ktrdr that wrote it, or set KTRDR_OPERATIONS_URL to another store."
            raise UnusableStore(message, advice) from None
    return noted == present()


def _upgrade(connection: Connection) -> None:
    def steps(noted: Any, _context: MigrationContext) -> Any:
        return _steps()._upgrade_revs("head", noted)

    context = MigrationContext.configure(connection, opts={"fn": steps})
    if context.get_current_revision() is None and inspect(connection).has_table("operations"):
        context.stamp(_steps(), FIRST)
    with Operations.context(context):
        context.run_migrations()
