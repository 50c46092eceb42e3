"""Hosts on one machine: network namespaces on a bridge, each with a link that can be cut, and a cluster over them."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import ktrdr
from cluster.environments import SLOT_RESOURCE, node_labels
from cluster.ray_environment import ensure_token, joined_environment
from ktrdr.errors import ServiceError

RAY = Path(sys.executable).with_name("ray")
N_TRIES = 3
RAY_PORT, HTTP_PORT = 6379, 8000
START_TIMEOUT_S = 180.0
JOINED = "Ray runtime started"
"""What `ray start` says once its node is one."""


def why_not() -> str | None:
    """Return why this machine gives no network namespaces; None where it does."""
    if shutil.which("ip") is None:
        return "there is no `ip` command here (iproute2)"
    probe = f"kt-{secrets.token_hex(2)}"
    for command in (("netns", "add", probe), ("link", "add", f"{probe}-b", "type", "bridge")):
        tried = subprocess.run(["ip", *command], capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            _ip("netns", "del", probe, check=False)
            return f"`ip {' '.join(command)}` is not permitted here: {tried.stderr.strip()}"
    _ip("link", "del", f"{probe}-b")
    _ip("netns", "del", probe)
    return None


@dataclass(frozen=True)
class Host:
    """A namespace with an address of its own. Everything that runs in it was started here."""

    namespace: str
    address: str
    link: str
    """Its cable's end at the bridge."""

    def start(self, log: Path, *command: str | Path, **variables: str) -> subprocess.Popen[bytes]:
        """Start a process on this host. Ray's and the service's variables of the tests do not reach it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "KTRDR_"))}
        with log.open("ab") as file:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, *map(str, command)],
                cwd=log.parent,
                env={**kept, "RAY_USAGE_STATS_ENABLED": "0", **variables},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def cut(self) -> None:
        """Pull the cable: nothing reaches the host, and nobody is told."""
        _ip("link", "set", self.link, "down")

    def mend(self) -> None:
        """Put the cable back."""
        _ip("link", "set", self.link, "up")

    def pids(self) -> list[int]:
        """Return what runs on the host."""
        return [int(pid) for pid in _ip("netns", "pids", self.namespace).split()]

    def shut_down(self) -> None:
        """Kill whatever runs on the host and take it away."""
        self.end_processes()
        _ip("link", "del", self.link)
        _ip("netns", "del", self.namespace)

    def end_processes(self) -> None:
        """Kill whatever runs on the host."""
        _until(lambda: not self._kill(), 20.0, f"{self.namespace} to be empty")

    def _kill(self) -> int:
        pids = self.pids()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return len(pids)


@dataclass
class Network:
    """A bridge in a network of its own (198.18/15: for tests, never routed), and the hosts that hang on it."""

    name: str = field(default_factory=lambda: f"kt{secrets.token_hex(2)}")
    hosts: list[Host] = field(default_factory=list)
    n_ever: int = 0

    def __post_init__(self) -> None:
        self._prefix = f"198.18.{int(self.name[2:], 16) % 256}"
        _ip("link", "add", self.name, "type", "bridge")
        _ip("addr", "add", f"{self._prefix}.254/24", "dev", self.name)
        _ip("link", "set", self.name, "up")

    def host(self) -> Host:
        """Add a host."""
        self.n_ever += 1
        number = self.n_ever
        host = Host(f"{self.name}-{number}", f"{self._prefix}.{number}", f"{self.name}v{number}")
        _ip("netns", "add", host.namespace)
        self.hosts.append(host)
        _ip("link", "add", host.link, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
        _ip("link", "set", host.link, "master", self.name, "up")
        inside = ("-n", host.namespace)
        _ip(*inside, "link", "set", "lo", "up")
        _ip(*inside, "addr", "add", f"{host.address}/24", "dev", "eth0")
        _ip(*inside, "link", "set", "eth0", "up")
        return host

    def remove(self, host: Host) -> None:
        """Take a host away with all that runs on it."""
        self.hosts.remove(host)
        host.shut_down()

    def close(self) -> None:
        """Take everything away."""
        for host in list(self.hosts):
            self.remove(host)
        _ip("link", "del", self.name)


@dataclass
class SeparateHosts:
    """A cluster as one has it over a network: a head with the service, and nodes, each on a host of its own.

    `variables` are for Ray, on the head and the nodes alike.
    """

    folder: Path
    network: Network
    variables: dict[str, str] = field(default_factory=dict)
    api_key: str = field(default_factory=lambda: secrets.token_hex(16))
    nodes: dict[str, list[Host]] = field(default_factory=dict)

    def start_head(self) -> Host:
        """Start the head, which trains as `cpu-docker`, and the service; return when it answers."""
        self.head = self.network.host()
        home = self.folder / ".ktrdr"
        self.variables |= joined_environment(ensure_token(home))
        where = ("--head", f"--port={RAY_PORT}", "--include-dashboard=false", f"--temp-dir={self.folder / 'r'}")
        self._start_ray(self.head, "cpu-docker", *where)
        service = (sys.executable, "-m", "serve.service", "--host", self.head.address, "--port", str(HTTP_PORT))
        started = self.head.start(
            self.folder / "service.log",
            *service,
            f"--ray-address={self.head.address}:{RAY_PORT}",
            **self.variables,
            KTRDR_HOME=str(home),
            KTRDR_API_KEY=self.api_key,
        )
        _until(lambda: started.poll() is not None or self._answers(), START_TIMEOUT_S, "the service to answer")
        assert started.poll() is None, (self.folder / "service.log").read_text()
        return self.head

    def join(self, environment: str) -> Host:
        """Start a node on another host; return when it has joined."""
        node = self.network.host()
        self.nodes.setdefault(environment, []).append(node)
        self._start_ray(node, environment, f"--address={self.head.address}:{RAY_PORT}")
        _until(lambda: self.n_nodes(environment), START_TIMEOUT_S, "the service to see it")
        return node

    def leave(self, environment: str) -> None:
        """Take all nodes of an environment away, those that have ended too; return when the service sees none."""
        for node in self.nodes.pop(environment):
            self.network.remove(node)
        _until(lambda: not self.n_nodes(environment), START_TIMEOUT_S, "the service to miss them")

    def log_of(self, host: Host) -> Path:
        """Return the file with what `ray start` says there."""
        return self.folder / f"{host.namespace}.log"

    def client(self) -> ktrdr.Client:
        """Return a client on this machine, which no cut concerns."""
        return ktrdr.Client(f"http://{self.head.address}:{HTTP_PORT}", self.api_key)

    def n_nodes(self, environment: str) -> int:
        """Return how many nodes the service counts."""
        with self.client() as client:
            return int(client.health()["nodes"][environment])

    def _start_ray(self, host: Host, environment: str, *where: str) -> None:
        """Run `ray start` there until it says that its node is one: on a busy machine Ray's own 30 s may be too few."""
        labels = ",".join(f"{name}={value}" for name, value in node_labels(environment, "cpu").items())
        what = (f"--node-ip-address={host.address}", "--num-cpus=1", f"--labels={labels}")
        slots = f'--resources={{"{SLOT_RESOURCE}": 1}}'
        log = self.log_of(host)
        for _ in range(N_TRIES):
            started = host.start(log, RAY, "start", *where, *what, slots, "--block", **self.variables)
            if _says(log, JOINED, started):
                return
            host.end_processes()
        raise AssertionError(log.read_text())

    def _answers(self) -> bool:
        try:
            with ktrdr.Client(f"http://{self.head.address}:{HTTP_PORT}", self.api_key, timeout_s=5.0) as client:
                return bool(client.health())
        except ServiceError:
            return False


@contextmanager
def separate_hosts(folder: Path, **variables: str) -> Iterator[SeparateHosts]:
    """Give a head with its service on a host of its own; what joins it is taken away with it."""
    network = Network()
    hosts = SeparateHosts(folder, network, dict(variables))
    try:
        hosts.start_head()
        yield hosts
    finally:
        network.close()


def _ip(*arguments: str, check: bool = True) -> str:
    ran = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert not check or ran.returncode == 0, f"ip {' '.join(arguments)}: {ran.stderr}"
    return ran.stdout


def _says(log: Path, words: str, process: subprocess.Popen[bytes]) -> bool:
    """Wait for words in a process's log; False if it ended without them."""
    _until(lambda: words in log.read_text() or process.poll() is not None, START_TIMEOUT_S, f"'{words}' in {log}")
    return process.poll() is None


def _until(is_so: Callable[[], object], timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s in vain for {what}"
        time.sleep(0.2)
