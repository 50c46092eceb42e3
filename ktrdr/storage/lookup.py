"""From a name that a client gives to one version, or to an answer with the names there are."""

from __future__ import annotations

from ktrdr.errors import UnknownModel
from ktrdr.storage.aliases import Aliases
from ktrdr.storage.folders import VersionFolders
from ktrdr.storage.names import LATEST, check_strategy_name, parse_version


class Lookup:
    """Finds versions by number, as the latest, and by alias."""

    def __init__(self, folders: VersionFolders, aliases: Aliases) -> None:
        self._folders, self._aliases = folders, aliases

    def find(self, strategy: str, name: str) -> tuple[str, int]:
        """Return base and number of the version that `{base}_v{N}`, `{base}_latest` or `{base}@{alias}` names.

        Raises
        ------
        RequestError
            If a name is malformed.
        UnknownModel
            Naming the models there are.
        DamagedAliases
            If an alias is asked for and what it names is not known.
        """
        check_strategy_name(strategy)
        base, wanted = parse_version(name)
        numbers = self._folders.versions(strategy).get(base, [])
        number: int | None
        if isinstance(wanted, int):
            number = wanted
        elif wanted == LATEST:
            number = numbers[-1] if numbers else None
        else:
            number = self._aliases.current(strategy, base).get(wanted)
        if number not in numbers or number is None:
            raise self.unknown(strategy, name)
        return base, number

    def latest(self, strategy: str, base: str) -> str | None:
        """Return the `model_id` of the highest version there is."""
        numbers = self._folders.versions(strategy).get(base)
        return f"{strategy}/{base}_v{numbers[-1]}" if numbers else None

    def unknown(self, strategy: str, name: str) -> UnknownModel:
        """Return the answer to a name that names nothing: the strategy's models, else all."""
        own = self._folders.versions(strategy)
        shown = (
            {strategy: own} if own else {other: self._folders.versions(other) for other in self._folders.strategies()}
        )
        known = tuple(
            known
            for owner, bases in shown.items()
            for base, numbers in bases.items()
            for known in (
                *(f"{owner}/{base}_v{number}" for number in numbers),
                *(f"{owner}/{base}@{alias}" for alias in self._aliases.readable(owner, base)),
            )
        )
        return UnknownModel(f"{strategy}/{name}", known)
