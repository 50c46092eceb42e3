from __future__ import annotations

from ktrdr.strategy.migration import migrate
from ktrdr.wire import MigratedStrategy
from tests.ktrdr.strategy.older import V2


def test_a_migration_is_answered_whole() -> None:
    migration = migrate(V2)
    answer = MigratedStrategy.of(migration)
    assert answer.strategy == migration.text
    assert answer.changes == list(migration.changes)
    assert [entry["path"] for entry in answer.left_behind] == [problem.path for problem in migration.left_behind]
    assert (answer.problems, len(answer.left_behind)) == ([], 2)
