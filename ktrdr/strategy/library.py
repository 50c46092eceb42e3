"""The strategies that can be asked for by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ktrdr.errors import UnknownStrategy
from ktrdr.strategy.document import read_document
from ktrdr.strategy.loading import load_strategy, read_file
from ktrdr.strategy.names import NAME
from ktrdr.strategy.schema import Strategy


class StrategyLibrary:
    """The `*.yaml` files of some folders, by the file's name without its ending; the first folder that has one wins.

    A name is looked up among the files that are there, never joined to a path. Folders are read at every call.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = tuple(roots)

    def names(self) -> tuple[str, ...]:
        """Return the names, sorted."""
        return tuple(sorted(self._files()))

    def text(self, name: str) -> str:
        """Return a strategy's file as it stands.

        Raises
        ------
        UnknownStrategy
            If there is none of that name.
        """
        return read_file(self.path(name))

    def load(self, name: str) -> Strategy:
        """Return a strategy.

        Raises
        ------
        UnknownStrategy
            If there is none of that name.
        StrategyError
            If the file has faults.
        """
        path = self.path(name)
        return load_strategy(read_document(read_file(path), str(path)))

    def path(self, name: str) -> Path:
        """Return where a strategy's file lies.

        Raises
        ------
        UnknownStrategy
            If there is none of that name.
        """
        files = self._files()
        if name not in files:
            raise UnknownStrategy(name, tuple(sorted(files)))
        return files[name]

    def _files(self) -> dict[str, Path]:
        files: dict[str, Path] = {}
        for root in self._roots:
            for path in sorted(root.glob("*.yaml")) if root.is_dir() else ():
                if NAME.fullmatch(path.stem) and path.is_file():
                    files.setdefault(path.stem, path)
        return files
