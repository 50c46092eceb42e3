"""A file of the service's, written so that it is there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
import uuid
from contextlib import suppress
from pathlib import Path

import httpx

from ktrdr.client.refusals import refusal
from ktrdr.errors import StorageError
from ktrdr.wire import SHA256_HEADER

_NAME_A_FILE = "Name the file to write, in a folder that is there."


def download(http: httpx.Client, path: str, target: Path) -> str:
    """Write what the route `path` gives to `target`, and return its SHA-256.

    Raises
    ------
    ServiceRefused
        If the service refuses it.
    StorageError
        If it names no file, cannot be written, or is not what the service says it sends.
    """
    temporary = target.parent / f".ktrdr-{uuid.uuid4().hex}"
    try:
        _check_target(target)
        with http.stream("GET", path) as answer:
            if answer.is_error:
                answer.read()
                raise refusal(answer)
            got = _write(answer, temporary)
            if got != answer.headers.get(SHA256_HEADER, got):
                advice = "Nothing was written. Ask for it again."
                raise StorageError(f"What came for {target} has the SHA-256 {got}, and another was sent.", advice)
        temporary.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"{target} cannot be written: {reason}.", "Choose another file, or make room.") from error
    finally:
        with suppress(OSError):  # it may not even be there to be removed
            temporary.unlink()
    return got


def _check_target(target: Path) -> None:
    """Refuse before anything is asked for what no file can take the place of; the rest is an OSError."""
    if not target.name or "\0" in str(target):
        raise StorageError(f"{str(target)!r} does not name a file.", _NAME_A_FILE)
    if not target.parent.is_dir():
        raise StorageError(f"{target} cannot be written: there is no folder {target.parent}.", _NAME_A_FILE)
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(target.stat().st_mode):
            raise StorageError(f"{target} is there and is no file: it is not replaced.", _NAME_A_FILE)


def _write(answer: httpx.Response, path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for part in answer.iter_bytes():
            digest.update(part)
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
