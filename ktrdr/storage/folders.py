"""The tree under `models/`: which folders hold which versions, and the few steps that change that.

```
models/.tmp/                      what is being written or removed; swept at start
models/{strategy}/{base}_v{N}/    a version; it appears and goes in one rename
models/{strategy}/{base}_latest   a link to the highest version, for readers of the tree: nothing here follows it
models/{strategy}/.versions/      {base}: the highest number ever given; {base}.lock
models/{strategy}/.aliases/       {base}.json: what names versions, and named them
```
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ktrdr.errors import StorageError
from ktrdr.storage.names import split_name
from ktrdr.storage.writing import FileLayer, lock


class VersionFolders:
    """Versions as folders. Numbers rise and are never given twice, also after a delete."""

    def __init__(self, root: Path, files: FileLayer) -> None:
        self.root = root
        self._files = files
        self._leftovers = root / ".tmp"

    def path(self, strategy: str, base: str, version: int) -> Path:
        """Return the folder of a version, which need not exist."""
        return self.root / strategy / f"{base}_v{version}"

    def size(self, strategy: str, base: str, version: int) -> int:
        """Return how many bytes the files of a version have; none where it is gone."""
        try:
            return sum(entry.stat().st_size for entry in self.path(strategy, base, version).iterdir())
        except FileNotFoundError:
            return 0

    def strategies(self) -> list[str]:
        """Return the strategies that have models or had some, sorted."""
        if not self.root.is_dir():
            return []
        return sorted(entry.name for entry in self.root.iterdir() if not entry.name.startswith(".") and entry.is_dir())

    def versions(self, strategy: str) -> dict[str, list[int]]:
        """Return the versions there are by base name, ascending."""
        found: dict[str, list[int]] = {}
        folder = self.root / strategy
        for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
            parsed = split_name(entry.name)
            if parsed and isinstance(parsed[1], int) and entry.is_dir() and not entry.is_symlink():
                found.setdefault(parsed[0], []).append(parsed[1])
        return {base: sorted(numbers) for base, numbers in found.items()}

    @contextmanager
    def changing(self, strategy: str, base: str) -> Iterator[None]:
        """Hold what keeps two saves or deletes of one model apart, and a sweep from what they write."""
        registers = self.root / strategy / ".versions"
        self._files.make_folder(registers)
        self._files.make_folder(self._leftovers)
        with lock(self.root / ".lock", is_shared=True), lock(registers / f"{base}.lock"):
            yield

    @contextmanager
    def temporary(self) -> Iterator[Path]:
        """Yield an unused path on the same file system; what is still there at the end is removed."""
        path = self._leftovers / uuid.uuid4().hex
        try:
            yield path
        finally:
            with suppress(OSError):  # the sweep takes what cannot be removed now
                self._files.remove(path)

    @contextmanager
    def receiving(self) -> Iterator[Path]:
        """Yield a new folder on the same file system, which no sweep takes; at the end it is removed."""
        self._files.make_folder(self._leftovers)
        with lock(self.root / ".lock", is_shared=True), self.temporary() as path:
            self._files.make_folder(path)
            yield path

    def replace(self, path: Path, content: bytes) -> None:
        """Write a file in place of the one of that name, durably and in one step."""
        self._files.make_folder(path.parent)
        with self.temporary() as written:
            self._files.write(written, content)
            self._files.rename(written, path)
        self._files.sync_folder(path.parent)

    def next_version(self, strategy: str, base: str) -> int:
        """Return the number that the next version gets."""
        return max(self._last_given(strategy, base), *self.versions(strategy).get(base, [0])) + 1

    def commit(self, folder: Path, strategy: str, base: str, version: int) -> None:
        """Make a written folder the version `version`, the latest. If it cannot be, all is as before."""
        earlier = self.versions(strategy).get(base, [])
        target = self.path(strategy, base, version)
        self._note_given(strategy, base, version)
        self._files.rename(folder, target)
        try:
            self._files.sync_folder(target.parent)
            self.point_latest(strategy, base, version)
        except OSError:
            with suppress(OSError):
                self.point_latest(strategy, base, earlier[-1] if earlier else None)
            with suppress(OSError):
                self._files.rename(target, folder)
            raise

    def discard(self, strategy: str, base: str, version: int) -> None:
        """Take a version away; `latest` moves back first, so that it never points to nothing."""
        left = [number for number in self.versions(strategy).get(base, []) if number != version]
        if self._last_given(strategy, base) < version:  # else nothing is written: on a full disk, deleting makes room
            self._note_given(strategy, base, max(version, *left, 0))
        target = self.path(strategy, base, version)
        try:
            self.point_latest(strategy, base, left[-1] if left else None)
            with self.temporary() as folder:
                self._files.rename(target, folder)
                self._files.sync_folder(target.parent)
        except OSError:
            if target.exists():  # it stays, and may be the latest
                with suppress(OSError):
                    self.point_latest(strategy, base, max(version, *left, 0))
            raise

    def point_latest(self, strategy: str, base: str, version: int | None) -> None:
        """Let `{base}_latest` name a version, or remove it."""
        link = self.root / strategy / f"{base}_latest"
        name = None if version is None else f"{base}_v{version}"
        if (str(link.readlink()) if link.is_symlink() else None) == name:
            return
        if name is None:
            self._files.remove(link)
        else:
            with self.temporary() as path:
                self._files.link(path, name)
                self._files.rename(path, link)
        self._files.sync_folder(link.parent)

    def sweep(self) -> int:
        """Remove what unfinished saves and deletes left, and correct `latest`; return how much was removed.

        Nothing is touched while another process is saving.
        """
        if not self.root.is_dir():
            return 0
        with lock(self.root / ".lock", waits=False) as is_held:
            if not is_held:
                return 0
            self._files.make_folder(self._leftovers)
            leftovers = list(self._leftovers.iterdir())
            for path in leftovers:
                self._files.remove(path)
            for strategy in self.strategies():
                versions = self.versions(strategy)
                for base in versions.keys() | self._linked(strategy):
                    self.point_latest(strategy, base, versions[base][-1] if base in versions else None)
            return len(leftovers)

    def _linked(self, strategy: str) -> set[str]:
        names = (split_name(entry.name) for entry in (self.root / strategy).iterdir())
        return {parsed[0] for parsed in names if parsed and parsed[1] == "latest"}

    def _last_given(self, strategy: str, base: str) -> int:
        register = self.root / strategy / ".versions" / base
        if not register.exists():
            return 0
        text = register.read_text("ascii", errors="replace").strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise StorageError(
                f"{register} does not hold a number.", "Write into it the highest version ever given, then try again."
            )
        return int(text)

    def _note_given(self, strategy: str, base: str, version: int) -> None:
        self.replace(self.root / strategy / ".versions" / base, f"{version}\n".encode())
