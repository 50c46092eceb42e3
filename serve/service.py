"""The process that holds the embedded service up: a local Ray, the actors, and Serve. It ends with a signal.

Run as `python -m serve.service --host H --port P [--environment NAME]`; `ktrdr up` does. With `--ray-address` it joins
a head that others have started, token authentication on, instead of starting one.
"""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import os
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from cluster.environment_file import environments_of
from cluster.environments import NOWHERE, Environment, Environments
from cluster.ray_environment import ensure_token, joined_environment, ray_environment, token_of_environment
from ktrdr.errors import KtrdrError, RequestError, did_you_mean
from ktrdr.settings import Settings
from ktrdr.wire.service_record import ServiceRecord
from serve.cli.printing import file_of

log = logging.getLogger("ktrdr.service")

LOOPBACK_HOSTS = ("127.0.0.1", "localhost")
SUSPEND_WAIT_S = 10.0


def check_key(settings: Settings, host: str) -> None:
    """Refuse to listen off loopback without an API key."""
    if host not in LOOPBACK_HOSTS and settings.api_key is None:
        advice = "Set KTRDR_API_KEY, or listen on 127.0.0.1."
        raise RequestError("host", f"Listening on {host} needs an API key.", advice)


def check_port(host: str, port: int) -> None:
    """Refuse a port that somebody listens on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = f"Port {port} of {host} is not free ({error.strerror})."
            raise RequestError("port", message, "Choose another with --port.") from error


def own_environment(environments: Environments, name: str | None) -> Environment | None:
    """Return the environment that this machine is to be a node of; None if it is to train nothing.

    Raises
    ------
    RequestError
        If no environment has that name.
    """
    if name is None:
        return environments.own
    if name == NOWHERE:
        return None
    known = (*environments.names, NOWHERE)
    if name not in known:
        advice = did_you_mean(name, known) or f"One of: {', '.join(known)}."
        raise RequestError("environment", f"There is no environment '{name}'.", advice)
    return environments.named(name)


@dataclass(frozen=True)
class Place:
    """Where the service listens and which cluster it is the service of."""

    host: str = "127.0.0.1"
    port: int = 8000
    environment: str | None = None
    """What this machine is a node of, where the service starts the head; `none`: it trains nothing; None: the first
    local environment, and nothing where there is none."""
    ray_address: str | None = None
    """The head to join instead of starting one."""


def hold_up(settings: Settings, place: Place) -> None:
    """Start the service, record its address, and return when a signal has ended it."""
    host, port = place.host, place.port
    check_key(settings, host)
    environments = environments_of(settings)
    own = own_environment(environments, place.environment)
    if place.ray_address is None:  # in a cluster that is joined, Serve may listen there since an earlier process
        check_port(host, port)
    if own is None and place.ray_address is None:
        log.info("This machine trains nothing itself: nodes of other machines have to join")
    token, variables = _prepare_environment(settings, place)
    # Only now: Ray and the modules over it read the environment when they are imported, and torch takes its time.
    import ray  # noqa: PLC0415

    from actors.house import start_actors  # noqa: PLC0415
    from cluster.head import join_head, start_head  # noqa: PLC0415
    from ktrdr.training.device import detect_device  # noqa: PLC0415
    from serve.application import run_application  # noqa: PLC0415

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    head = join_head(place.ray_address) if place.ray_address else start_head(settings.home, own, detect_device())
    try:
        start_actors(settings, environments)
        run_application(settings, host, port, environments)
        # Serve and Ray install handlers of their own; ours end the service in order.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        ServiceRecord(
            pid=os.getpid(),
            url=f"http://{host}:{port}",
            ray_address=head.ray_address,
            dashboard_url=head.dashboard_url,
            token_path=str(token),
            ray_variables=variables,
            started_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        ).write(settings.home)
        log.info("The service answers at http://%s:%d", host, port)
        stop.wait()
        if place.ray_address is None:
            log.info("The service stops; what runs keeps its last epoch and goes back into the queue")
            # In a thread of its own: where Ray is already gone, the call would wait for it for ever.
            farewell = threading.Thread(target=_suspend, name="suspend", daemon=True)
            farewell.start()
            farewell.join(SUSPEND_WAIT_S + 5)
        else:
            log.info("This process ends; the actors, Serve and what trains live on in the cluster it had joined")
    finally:
        ServiceRecord.remove(settings.home)
        ray.shutdown()


def _prepare_environment(settings: Settings, place: Place) -> tuple[Path, dict[str, str]]:
    """Set Ray's variables, or check those of the cluster to join; return the path of its token, and the variables."""
    if place.ray_address is None:
        token = ensure_token(settings.home)
        variables = ray_environment(token)
        os.environ.update(variables)
        return token, variables
    joined = token_of_environment()
    if joined is None:
        advice = "Set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH, on every node and here."
        raise RequestError("ray-address", "The cluster to join must have token authentication on.", advice)
    return joined, joined_environment(joined)


def _suspend() -> None:
    import ray  # noqa: PLC0415

    from actors.names import NAMESPACE, OPERATIONS  # noqa: PLC0415

    try:
        ray.get(
            ray.get_actor(OPERATIONS, namespace=NAMESPACE).suspend.remote(SUSPEND_WAIT_S), timeout=SUSPEND_WAIT_S + 3
        )
    except (ray.exceptions.RayError, ValueError) as error:
        log.warning("The queue could not be told: %s. The next start finds out by itself", type(error).__name__)


def main(arguments: list[str] | None = None) -> int:
    """Hold the service up; 1 when it could not start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--environment", help="none: a head that trains nothing; absent: the first local one")
    parser.add_argument("--ray-address", help="join this head (auto: the one on this machine) instead of starting one")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells each of its own parts that it sets up
    try:
        settings = Settings.read()
        Path(settings.home).mkdir(parents=True, exist_ok=True)
        hold_up(settings, Place(given.host, given.port, given.environment, given.ray_address))
    except KtrdrError as error:
        for problem in error.problems:
            print(f"{file_of(error)}{problem}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
