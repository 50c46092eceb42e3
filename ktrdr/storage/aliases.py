"""Aliases: names such as `champion` for one version of a model, and who gave them when.

`models/{strategy}/.aliases/{base}.json` holds every change there was; what an alias names now is its last one. The
file is replaced in one rename, and its own checksum tells a changed byte from a change.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ktrdr.errors import DamagedAliases, StorageError
from ktrdr.storage.contents import from_json, sha256_of, to_json
from ktrdr.storage.folders import VersionFolders

FORMAT_VERSION = 1


class AliasChange(BaseModel):
    """From `at` (ISO 8601, UTC) on `alias` names `version`; None: nothing. `by` is who said so, where that is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alias: str
    version: int | None = Field(ge=1)
    by: str | None
    at: str


@dataclass(frozen=True)
class AliasEntry:
    """A change as it is told: what the alias names from `at` on, None where nothing."""

    alias: str
    model_id: str | None
    by: str | None
    at: str

    @classmethod
    def of(cls, strategy: str, base: str, change: AliasChange) -> AliasEntry:
        """Return a change of the aliases of `{strategy}/{base}`."""
        model_id = None if change.version is None else f"{strategy}/{base}_v{change.version}"
        return cls(change.alias, model_id, change.by, change.at)


class Aliases:
    """The aliases in the tree. Whoever changes them holds `VersionFolders.changing`."""

    def __init__(self, folders: VersionFolders) -> None:
        self._folders = folders

    def history(self, strategy: str, base: str) -> tuple[AliasChange, ...]:
        """Return every change there was, the first one first.

        Raises
        ------
        DamagedAliases
            If the file is not what was written.
        """
        path = self._path(strategy, base)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise DamagedAliases(f"{strategy}/{base}", str(path), f"cannot be read: {error.strerror}") from error
        try:
            document = from_json(content, path.name)
            changes = tuple(AliasChange.model_validate(entry) for entry in document["history"])
        except (StorageError, ValidationError, KeyError, TypeError) as error:
            raise DamagedAliases(f"{strategy}/{base}", str(path), "is no record of aliases") from error
        if document != _document(changes):
            raise DamagedAliases(f"{strategy}/{base}", str(path), "has another SHA-256 than it says")
        return changes

    def current(self, strategy: str, base: str) -> dict[str, int]:
        """Return the version that each alias names, by alias.

        Raises
        ------
        DamagedAliases
            As `history`.
        """
        last = {change.alias: change.version for change in self.history(strategy, base)}
        return {alias: version for alias, version in sorted(last.items()) if version is not None}

    def readable(self, strategy: str, base: str) -> dict[str, int]:
        """Return what `current` does; nothing where the file is damaged: a listing shows the models."""
        try:
            return self.current(strategy, base)
        except DamagedAliases:
            return {}

    def last(self, strategy: str, base: str, alias: str) -> AliasChange | None:
        """Return the last change of an alias, None where there was none.

        Raises
        ------
        DamagedAliases
            As `history`.
        """
        return next((change for change in reversed(self.history(strategy, base)) if change.alias == alias), None)

    def bases(self, strategy: str) -> list[str]:
        """Return the model names that have a history, sorted."""
        folder = self._folder(strategy)
        return sorted(path.stem for path in folder.glob("*.json")) if folder.is_dir() else []

    def add(self, strategy: str, base: str, change: AliasChange) -> None:
        """Write a change after those there are.

        Raises
        ------
        DamagedAliases
            If what is there cannot be read: it is left as it is.
        """
        history = (*self.history(strategy, base), change)
        path = self._path(strategy, base)
        self._folders.replace(path, to_json(_document(history), path.name))

    def _folder(self, strategy: str) -> Path:
        return self._folders.root / strategy / ".aliases"

    def _path(self, strategy: str, base: str) -> Path:
        return self._folder(strategy) / f"{base}.json"


def named(aliases: dict[str, int], version: int) -> list[str]:
    """Return the aliases that name `version`."""
    return [alias for alias, number in aliases.items() if number == version]


def _document(history: tuple[AliasChange, ...]) -> dict[str, Any]:
    changes = [change.model_dump() for change in history]
    plain = json.dumps(changes, sort_keys=True).encode()
    return {"format_version": FORMAT_VERSION, "sha256": sha256_of(plain), "history": changes}
