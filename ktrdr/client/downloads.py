"""A file of the service's, written so that it is there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path

import httpx

from ktrdr.client.refusals import refusal
from ktrdr.errors import StorageError
from ktrdr.wire import SHA256_HEADER


def download(http: httpx.Client, path: str, target: Path) -> str:
    """Write what the route `path` gives to `target`, and return its SHA-256.

    Raises
    ------
    ServiceRefused
        If the service refuses it.
    StorageError
        If it cannot be written, or is not what the service says it sends.
    """
    temporary = target.with_name(f".{target.name[:100]}.{uuid.uuid4().hex}")
    try:
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
        temporary.unlink(missing_ok=True)
    return got


def _write(answer: httpx.Response, path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for part in answer.iter_bytes():
            digest.update(part)
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
