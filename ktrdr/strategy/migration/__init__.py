"""The older "v2" form of a strategy file, rewritten into the present one."""

from __future__ import annotations

from ktrdr.strategy.migration.rewriting import Migration, migrate

__all__ = ["Migration", "migrate"]
