"""Whether a version is still the one that was read, without reading all of it again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ktrdr.errors import DamagedModel
from ktrdr.storage.contents import MANIFEST, STORED_FILES


def fingerprint_of(folder: Path, model_id: str) -> str:
    """Return the SHA-256 of the manifest together with the size and the time of writing of every file.

    The manifest alone would vouch for files that were changed after they were read.

    Raises
    ------
    DamagedModel
        If there is no manifest that can be read. Another file that is missing is part of the hash.
    """
    try:
        digest = hashlib.sha256((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise DamagedModel(model_id, MANIFEST, f"cannot be read: {error.strerror}") from error
    for name in STORED_FILES:
        digest.update(f"{name} {_state_of(folder / name)}\n".encode())
    return digest.hexdigest()


def _state_of(path: Path) -> str:
    try:
        state = path.stat()
    except OSError as error:
        return f"{error.strerror}"
    return f"{state.st_size} {state.st_mtime_ns} {state.st_ino}"
