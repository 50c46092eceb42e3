"""What is told of stored models: lists, pages, one version in full. A damaged version never hides the others."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ktrdr.errors import DamagedAliases, DamagedModel, StorageError
from ktrdr.storage.aliases import AliasChange, AliasEntry, Aliases, named
from ktrdr.storage.annotations import annotation_in
from ktrdr.storage.contents import CONFIG, FEATURES, METADATA, METRICS, from_json
from ktrdr.storage.filtering import METRIC_NAMES, ModelFilter
from ktrdr.storage.folders import VersionFolders
from ktrdr.storage.lookup import Lookup
from ktrdr.storage.names import check_strategy_name
from ktrdr.storage.pages import ModelPage, page_of, place_of
from ktrdr.storage.verification import manifest_in, read_files


class Listing:
    """Reads the tree and changes nothing."""

    def __init__(self, folders: VersionFolders, aliases: Aliases, lookup: Lookup) -> None:
        self._folders, self._aliases, self._lookup = folders, aliases, lookup

    def models(self, strategy: str | None, chosen: ModelFilter) -> list[dict[str, Any]]:
        """Return the versions that are asked for, newest first."""
        return [self._measured(model) for model in self._chosen(strategy, chosen)]

    def page(self, strategy: str | None, chosen: ModelFilter, limit: int, cursor: str | None) -> ModelPage:
        """Return up to `limit` of them, after the one that `cursor` stands for. Metrics are read of those alone."""
        page = page_of(self._chosen(strategy, chosen), limit, cursor)
        return replace(page, items=tuple(self._measured(model) for model in page.items))

    def describe(self, strategy: str, name: str) -> dict[str, Any]:
        """Return what is known of one version, damaged or not.

        Raises
        ------
        RequestError, UnknownModel, DamagedAliases
            As `Lookup.find`; also where it is deleted meanwhile.
        """
        base, number = self._lookup.find(strategy, name)
        folder = self._folders.path(strategy, base, number)
        model_id = f"{strategy}/{folder.name}"
        files, damaged = [], None
        try:
            entries = manifest_in(folder, model_id).files
            files = [{"name": file, "sha256": entry.sha256, "size": entry.size} for file, entry in entries.items()]
            read_files(folder, model_id)
        except DamagedModel as error:
            damaged = error.file
        newest = self._folders.versions(strategy).get(base, [number])[-1]
        described = {
            **self._identity(strategy, base, number, newest, self._aliases.readable(strategy, base)),
            "metrics": readable(folder, METRICS),
            "features": readable(folder, FEATURES).get("features", []),
            "config": readable(folder, CONFIG),
            "files": files,
            "damaged": damaged,
        }
        if not folder.exists():  # deleted while it was read
            raise self._lookup.unknown(strategy, name)
        return described

    def aliases(self, strategy: str) -> list[dict[str, Any]]:
        """Return for each model name its aliases and every change of them; `damaged` names a file that is spoiled."""
        return [self._aliases_of(check_strategy_name(strategy), base) for base in self._aliases.bases(strategy)]

    def _chosen(self, strategy: str | None, chosen: ModelFilter) -> list[dict[str, Any]]:
        """Return the versions that are asked for, newest first; their metrics only where these decide."""
        strategies = self._folders.strategies() if strategy is None else [check_strategy_name(strategy)]
        found = (
            self._identity(owner, base, number, numbers[-1], aliases)
            for owner in strategies
            for base, numbers in self._folders.versions(owner).items()
            for aliases in (self._aliases.readable(owner, base),)
            for number in numbers
        )
        models = found if chosen.metric is None else map(self._measured, found)
        return sorted(filter(chosen.shows, models), key=place_of, reverse=True)

    def _aliases_of(self, strategy: str, base: str) -> dict[str, Any]:
        current: dict[str, int] = {}
        history: tuple[AliasChange, ...] = ()
        damaged = None
        try:
            current, history = self._aliases.current(strategy, base), self._aliases.history(strategy, base)
        except DamagedAliases as error:
            damaged = error.file
        return {
            "name": base,
            "aliases": {alias: f"{strategy}/{base}_v{version}" for alias, version in current.items()},
            "history": [asdict(AliasEntry.of(strategy, base, change)) for change in history],
            "damaged": damaged,
        }

    def _measured(self, model: dict[str, Any]) -> dict[str, Any]:
        """Return what a listing shows of a version."""
        if "test_metrics" in model:
            return model
        test_metrics = numbers_in(self._folders.root / model["model_id"])
        return {
            **model,
            "test_accuracy": test_metrics.get("accuracy"),
            "majority_baseline": test_metrics.get("baseline.majority"),
            "test_metrics": test_metrics,
        }

    def _identity(self, strategy: str, base: str, number: int, newest: int, aliases: dict[str, int]) -> dict[str, Any]:
        folder = self._folders.path(strategy, base, number)
        metadata, annotation = readable(folder, METADATA), annotation_in(folder)
        symbols, timeframe, created_at = (metadata.get(key) for key in ("symbols", "timeframe", "created_at"))
        return {
            "model_id": f"{strategy}/{folder.name}",
            "strategy": strategy,
            "name": folder.name,
            "version": number,
            "is_latest": number == newest,
            "symbols": symbols if isinstance(symbols, list) else [],
            "timeframes": [] if timeframe is None else [timeframe],
            "created_at": created_at if isinstance(created_at, str) else None,
            "operation_id": metadata.get("operation_id"),
            "aliases": named(aliases, number),
            "note": annotation.note,
            "tags": list(annotation.tags),
        }


def readable(folder: Path, file: str) -> dict[str, Any]:
    """Return a JSON file's contents, empty where it is damaged: a listing shows the others."""
    try:
        return from_json((folder / file).read_bytes(), file)
    except (OSError, StorageError):
        return {}


def numbers_in(folder: Path) -> dict[str, float]:
    """Return the single numbers of a version's held-out metrics by name, those that it has."""
    test_metrics = readable(folder, METRICS).get("test_metrics")
    numbers = {name: _number_at(test_metrics, name) for name in METRIC_NAMES}
    return {name: number for name, number in numbers.items() if number is not None}


def _number_at(metrics: Any, path: str) -> float | None:
    for name in path.split("."):
        metrics = metrics.get(name) if isinstance(metrics, dict) else None
    return metrics if isinstance(metrics, int | float) and not isinstance(metrics, bool) else None
