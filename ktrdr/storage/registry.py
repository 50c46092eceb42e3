"""The registry of trained models but for what is in them: which versions there are, what is said of them, which go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ktrdr.errors import DamagedAliases, ModelInUse, RequestError, UnknownAlias
from ktrdr.storage.aliases import AliasChange, AliasEntry, Aliases, named
from ktrdr.storage.annotations import FILE as NOTES
from ktrdr.storage.annotations import Annotation, AnnotationChange, annotation_to_change, content_of
from ktrdr.storage.filtering import ALL, ModelFilter
from ktrdr.storage.folders import VersionFolders
from ktrdr.storage.listing import Listing
from ktrdr.storage.lookup import Lookup
from ktrdr.storage.names import check_alias, check_strategy_name, parse_version
from ktrdr.storage.pages import ModelPage
from ktrdr.storage.retention import Deleted, Kept, Pruned, check_keep, reasons_to_keep
from ktrdr.storage.writing import FileLayer, storage_errors

MAX_AUTHOR = 100
_SMALL_FILE = 4096  # bytes: the block that a record takes


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class ModelRegistry:
    """Versions under one folder, which need not exist yet.

    Names are `{symbol}_{timeframe}_v{N}`, `..._latest` or `{symbol}_{timeframe}@{alias}`. A malformed one is a
    RequestError, one that names nothing an UnknownModel with those there are; what the file system refuses is a
    StorageError, and all is then as it was.

    Parameters
    ----------
    root
        The `models/` folder.
    files
        How the file system is changed; another one lets a test fail at any step.
    clock
        What time it is, in UTC.
    """

    def __init__(self, root: Path, files: FileLayer | None = None, clock: Callable[[], datetime] = utc_now) -> None:
        self._root, self._clock = root, clock
        self._files = files or FileLayer()
        self._folders = VersionFolders(root, self._files)
        self._aliases = Aliases(self._folders)
        self._lookup = Lookup(self._folders, self._aliases)
        self._listing = Listing(self._folders, self._aliases, self._lookup)

    def describe(self, strategy: str, name: str) -> dict[str, Any]:
        """Return what is known of one version; `damaged` names a file that is not what was saved, else it is None."""
        return self._listing.describe(strategy, name)

    def list_models(self, strategy: str | None = None, chosen: ModelFilter = ALL) -> list[dict[str, Any]]:
        """Return every version, or those that `chosen` shows, newest first; what cannot be read of one is None."""
        return self._listing.models(strategy, chosen)

    def page_models(
        self, strategy: str | None = None, chosen: ModelFilter = ALL, limit: int = 50, cursor: str | None = None
    ) -> ModelPage:
        """Return some of what `list_models` returns, and the cursor with which it goes on."""
        return self._listing.page(strategy, chosen, limit, cursor)

    def list_aliases(self, strategy: str) -> list[dict[str, Any]]:
        """Return for each model name of a strategy what its aliases name and named, also of versions that are gone.

        `damaged` names a record that cannot be read, else it is None.
        """
        return self._listing.aliases(strategy)

    def set_alias(self, strategy: str, name: str, alias: str, by: str | None = None) -> AliasEntry:
        """Let an alias name this version from now on, whichever it named before, and return that change.

        Raises
        ------
        DamagedAliases
            If what the aliases of the model name is not known.
        """
        check_alias(alias)
        with self._changing(f"Could not set the alias {alias}", strategy, name) as (base, number):
            return AliasEntry.of(strategy, base, self._let_name(strategy, base, alias, number, by))

    def remove_alias(self, strategy: str, name: str, alias: str, by: str | None = None) -> AliasEntry:
        """Let an alias of this version name nothing, and return that change; its history stays.

        Raises
        ------
        UnknownAlias
            If it does not name this version.
        DamagedAliases
            As `set_alias`.
        """
        check_alias(alias)
        with self._changing(f"Could not remove the alias {alias}", strategy, name) as (base, number):
            aliases = self._aliases.current(strategy, base)
            if aliases.get(alias) != number:
                raise UnknownAlias(f"{alias}, of {strategy}/{base}_v{number}", tuple(named(aliases, number)))
            return AliasEntry.of(strategy, base, self._let_name(strategy, base, alias, None, by))

    def annotate(self, strategy: str, name: str, change: AnnotationChange) -> Annotation:
        """Change the note and the tags of a version, and return them."""
        with self._changing(f"Could not annotate {strategy}/{name}", strategy, name) as (base, number):
            folder = self._folders.path(strategy, base, number)
            annotation = change.applied_to(annotation_to_change(folder))
            self._folders.replace(folder / NOTES, content_of(annotation))
            return annotation

    def name_of(self, strategy: str, name: str) -> str:
        """Return the `{symbol}_{timeframe}_v{N}` that a name stands for now."""
        base, number = self._lookup.find(strategy, name)
        return f"{base}_v{number}"

    def latest_of(self, strategy: str, name: str) -> str | None:
        """Return the newest version of the model that a version is, or was, one of; None where none is left."""
        return self._lookup.latest(check_strategy_name(strategy), parse_version(name)[0])

    def delete_model(self, strategy: str, name: str) -> Deleted:
        """Delete one version; the one before becomes the latest, the number stays used.

        Whoever may ask twice asks for `name_of` first: `latest` is another version the second time.

        Raises
        ------
        ModelInUse
            If an alias names it.
        DamagedAliases
            As `set_alias`.
        """
        with self._changing(f"Could not delete {strategy}/{name}", strategy, name) as (base, number):
            if aliases := named(self._aliases.current(strategy, base), number):
                raise ModelInUse(f"{strategy}/{base}_v{number}", tuple(aliases))
            self._folders.discard(strategy, base, number)
            return Deleted(f"{strategy}/{base}_v{number}", self._lookup.latest(strategy, base))

    def prune(self, keep: int, strategy: str | None = None, dry_run: bool = False) -> Pruned:
        """Delete all but the newest `keep` versions of every model name, and those that an alias names.

        With `dry_run` it only says what would be deleted. What was deleted before an error is gone.
        """
        check_keep(keep)
        strategies = self._folders.strategies() if strategy is None else [check_strategy_name(strategy)]
        pruned = Pruned((), (), 0, dry_run)
        for owner in strategies:
            for base in self._folders.versions(owner):
                with storage_errors(f"Could not prune {owner}/{base}", self._root):
                    pruned += self._to_prune(owner, base, keep) if dry_run else self._prune(owner, base, keep)
        return pruned

    def sweep(self) -> int:
        """Remove what unfinished saves left behind and return how much it was; call it once, at start."""
        with storage_errors("Could not sweep the model store", self._root):
            return self._folders.sweep()

    @contextmanager
    def _changing(self, doing: str, strategy: str, name: str) -> Iterator[tuple[str, int]]:
        """Yield the version that `name` names while nobody else changes its model."""
        base, _ = self._lookup.find(strategy, name)  # before anything is made for it
        with storage_errors(doing, self._root, _SMALL_FILE), self._folders.changing(strategy, base):
            yield self._lookup.find(strategy, name)

    def _let_name(self, strategy: str, base: str, alias: str, number: int | None, by: str | None) -> AliasChange:
        if by is not None and not (0 < len(by) <= MAX_AUTHOR and by.isprintable()):
            raise RequestError("by", "That is no name.", f"Give up to {MAX_AUTHOR} letters and signs on one line.")
        last = self._aliases.last(strategy, base, alias)
        if last is not None and last.version == number:
            return last  # asked again: nothing changes
        change = AliasChange(alias=alias, version=number, by=by, at=self._clock().isoformat(timespec="microseconds"))
        self._aliases.add(strategy, base, change)
        return change

    def _prune(self, strategy: str, base: str, keep: int) -> Pruned:
        with self._folders.changing(strategy, base):
            pruned = self._to_prune(strategy, base, keep)
            for model_id in pruned.deleted:
                self._folders.discard(strategy, base, int(model_id.rpartition("_v")[2]))
            return pruned

    def _to_prune(self, strategy: str, base: str, keep: int) -> Pruned:
        try:
            aliases: dict[str, int] | None = self._aliases.current(strategy, base)
        except DamagedAliases:
            aliases = None
        versions = self._folders.versions(strategy).get(base, [])
        reasons = reasons_to_keep(versions, keep, aliases)
        going = [number for number in versions if number not in reasons]
        return Pruned(
            tuple(f"{strategy}/{base}_v{number}" for number in going),
            tuple(Kept(f"{strategy}/{base}_v{number}", why) for number, why in reasons.items()),
            sum(self._folders.size(strategy, base, number) for number in going),
            dry_run=True,
        )
