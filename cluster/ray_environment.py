"""The variables that every process of a cluster must agree on. Imports no Ray: some are read when Ray is imported."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

TOKEN_FILE = "ray_token"

# Ray would put actors and trainings behind everything else alike: a cancel waits for its turn beside trainings.
_NICENESS = {"RAY_worker_niceness": "0"}


def ray_environment(token_path: Path) -> dict[str, str]:
    """Return the variables for the head, every node, driver and `ray` command of a loopback cluster."""
    return {
        # Serve's replicas listen on every interface with a port that reads pickles: never without a token.
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token_path),
        # On one machine Ray then stays on 127.0.0.1; processes that disagree on it do not find each other.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        **_NICENESS,
        # A dead proxy is replaced in about 4 s instead of 27.
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "2",
    }


def member_environment(address: str, token_path: Path) -> dict[str, str]:
    """Return the variables for a node of the cluster whose head is at `address`, and for what talks to it from here."""
    host = address.rpartition(":")[0]
    if host in ("127.0.0.1", "localhost"):
        return ray_environment(token_path)
    # Off loopback Ray joins nothing on a Mac unless told; elsewhere it is told what is so anyway.
    return {**joined_environment(token_path), "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1", **_NICENESS}


def joined_environment(token_path: Path) -> dict[str, str]:
    """Return the variables for drivers of a cluster that others started, over whatever network it has."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token_path)}


def token_of_environment() -> Path | None:
    """Return the token file of a cluster that others started, as its variables name it; None without token mode."""
    path = os.environ.get("RAY_AUTH_TOKEN_PATH")
    return Path(path) if path and os.environ.get("RAY_AUTH_MODE") == "token" else None


def ensure_token(home: Path) -> Path:
    """Return the path of the cluster's token under `home`, made on first use with mode 0600."""
    path = home / TOKEN_FILE
    home.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = home / f".{TOKEN_FILE}.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        draft.replace(path)
    return path
