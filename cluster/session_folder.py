"""Where Ray's processes keep their sockets and logs."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path


def ray_folder(owner: Path) -> Path:
    """Return Ray's session folder for `owner`, a home or a node: short, since socket paths are limited to 107 bytes."""
    digest = hashlib.sha256(str(owner.resolve()).encode()).hexdigest()[:8]
    return Path(tempfile.gettempdir()) / f"ktrdr-{digest}"
