"""Whether this machine can be a node of a cluster: everything that is known before Ray's processes are started."""

from __future__ import annotations

import json
import platform
import socket
from typing import Any

import ray
import ray.exceptions as ray_errors
from ray._raylet import GcsClient  # type: ignore[attr-defined]  # compiled

from ktrdr.errors import RequestError

CONNECT_TIMEOUT_S = 5.0
_METADATA = (b"CLUSTER_METADATA", b"cluster")


def check_cluster(address: str) -> None:
    """Refuse a head that cannot be joined: nobody there, another token, another Ray or Python.

    Raises
    ------
    RequestError
        What is wrong with `address`, HOST:PORT of a head, and what to do.
    """
    check_reachable(address)
    try:
        written = GcsClient(address=address).internal_kv_get(*_METADATA, timeout=CONNECT_TIMEOUT_S)
    except ray_errors.AuthenticationError as error:
        raise RequestError(
            "token-path",
            f"The head at {address} refuses the token.",
            "Give the token file of that cluster with --token-path; it must be the same on every node.",
        ) from error
    except ray_errors.RpcError as error:
        raise no_head(address, "what answers there is not the head of a Ray cluster") from error
    if written is None:
        raise no_head(address, "what answers there is not the head of a Ray cluster")
    check_versions(address, _versions(written), {"Ray": ray.__version__, "Python": platform.python_version()})


def check_reachable(address: str) -> None:
    """Refuse an address at which nobody listens; Ray itself would wait for 40 seconds."""
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdigit()):
        raise RequestError(
            "address", f"'{address}' is not HOST:PORT.", "Give the head's address, such as 10.0.0.1:6379."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise no_head(address, why) from error


def check_versions(address: str, theirs: dict[str, str], ours: dict[str, str]) -> None:
    """Refuse a head whose Ray or Python is another: Ray joins none of them."""
    for name, version in ours.items():
        if theirs[name] != version:
            raise RequestError(
                "address",
                f"The head at {address} runs {name} {theirs[name]}, this machine {version}: they must be the same.",
                f"Install {name} {theirs[name]} here, or {version} there.",
            )


def no_head(address: str, why: str) -> RequestError:
    """Return the refusal of an address that is no head's."""
    return RequestError(
        "address", f"No head answers at {address} ({why}).", "Start the head, or give its address with --address."
    )


def _versions(written: bytes) -> dict[str, str]:
    metadata: dict[str, Any] = json.loads(written)
    return {"Ray": metadata["ray_version"], "Python": metadata["python_version"]}
