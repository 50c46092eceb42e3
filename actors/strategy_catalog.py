"""What can be trained: the strategies in the folder and those that came with requests, and how their trainings went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ktrdr.errors import StrategyError, UnknownStrategy
from ktrdr.operations import ACTIVE, Operation, OperationStatus
from ktrdr.strategy import Strategy, StrategyLibrary, load_strategy, summary_of


class StrategyCatalog:
    """Joins the library with what the store knows; pure, but for reading the files."""

    def __init__(self, library: StrategyLibrary) -> None:
        self._library = library

    def entries(self, newest: Iterable[Operation], models: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return one entry for each strategy, by name. A file that is wrong is listed with its problems.

        Parameters
        ----------
        newest
            The newest operation of each strategy.
        models
            Every version there is.
        """
        last = {operation.strategy_name: operation for operation in newest}
        versions = _versions_by_strategy(models)
        names = sorted({*self._library.names(), *last})
        return [self._judged(name, last.get(name), versions.get(name, []))[0] for name in names]

    def entry(self, name: str, newest: Iterable[Operation], models: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Return one strategy's entry with its document and features.

        Raises
        ------
        UnknownStrategy
            If neither the folder nor a request has it.
        """
        last = {operation.strategy_name: operation for operation in newest}
        if name not in self._library.names() and name not in last:
            raise UnknownStrategy(name, tuple(sorted({*self._library.names(), *last})))
        entry, strategy = self._judged(name, last.get(name), _versions_by_strategy(models).get(name, []))
        if strategy is not None:
            entry |= {"features": list(strategy.features), "strategy": strategy.document()}
        return entry

    def _judged(self, name: str, last: Operation | None, versions: list[str]) -> tuple[dict[str, Any], Strategy | None]:
        """Return a strategy's entry, and the strategy where it is right."""
        entry = {
            "name": name,
            "source": "file" if name in self._library.names() else "request",
            "training_status": _training_status(last, versions),
            "versions": versions,
            "last_operation_id": last.operation_id if last else None,
        }
        try:
            strategy = self._load(name, last)
        except StrategyError as error:
            return {**entry, "valid": False, "errors": [problem.as_dict() for problem in error.problems]}, None
        return {**entry, "valid": True, **summary_of(strategy)}, strategy

    def _load(self, name: str, last: Operation | None) -> Strategy:
        if name in self._library.names():
            return self._library.load(name)
        assert last is not None  # its name came from there
        return load_strategy(last.request["strategy"])


def _training_status(last: Operation | None, versions: list[str]) -> str:
    if last is not None and last.status in ACTIVE:
        return "training"
    if last is not None and last.status is OperationStatus.FAILED:
        return "failed"
    return "trained" if versions else "untrained"


def _versions_by_strategy(models: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    versions: dict[str, list[str]] = {}
    for model in models:
        versions.setdefault(model["strategy"], []).append(model["name"])
    return versions
