"""What a command works with: the terminal, the settings, the way to the service. Tests hand in others."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import typer

from serve.cli.printing import Terminal

if TYPE_CHECKING:
    from ktrdr.client import Client
    from ktrdr.settings import Settings
    from ktrdr.wire.service_record import ServiceRecord
    from serve.cli.machine import Machine

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


class Session:
    """One call of the program.

    Parameters
    ----------
    terminal
        Where it writes.
    open_client
        Makes the client of the service at an address.
    read_settings
        Reads the settings, when a command first needs them.
    machine
        Where the service's process lives; this machine where none is given.
    """

    def __init__(
        self,
        terminal: Terminal | None = None,
        open_client: Callable[[str], Client] | None = None,
        read_settings: Callable[[], Settings] | None = None,
        machine: Machine | None = None,
    ) -> None:
        self.terminal = terminal or Terminal()
        self._open_client = open_client or _open_client
        self._read_settings = read_settings or _read_settings
        self._machine = machine

    @cached_property
    def settings(self) -> Settings:
        """The settings of this call."""
        return self._read_settings()

    @cached_property
    def machine(self) -> Machine:
        """Where the service's process lives."""
        from serve.cli.machine import Machine

        return self._machine or Machine()

    def client(self) -> Client:
        """Return a client of the service that `KTRDR_URL` names, else of the one that runs for this home.

        Raises
        ------
        ServiceUnreachable
            If there is none.
        """
        from ktrdr.errors import ServiceUnreachable

        url = self.service_url()
        if url is None:
            raise ServiceUnreachable(f"the service of {self.settings.home}")
        return self._open_client(url)

    def client_at(self, url: str) -> Client:
        """Return a client of the service at `url`."""
        return self._open_client(url)

    def client_of_any_service(self) -> Client:
        """As `client`; where no service runs, the embedded one is started, and that is said."""
        from serve.cli.embedded import Listening, up

        url = self.service_url()
        if url is None:
            default = Listening()
            listening = Listening(port=self.machine.free_port(default.host, default.port))
            with self.terminal.waiting("No service is running: starting the embedded one, which takes about 15 s ..."):
                url = up(self.settings, listening, self.machine).record.url
            self.terminal.say(f"Started the service at {url}. It goes on running; `ktrdr down` stops it.")
        return self._open_client(url)

    def talks_to(self, record: ServiceRecord) -> bool:
        """Whether commands talk to the service of this record, not to another that `KTRDR_URL` names."""
        return self.settings.url is None or self.settings.url.rstrip("/") == record.url

    def service_url(self) -> str | None:
        """Return the address of the service that commands talk to, None where there is none."""
        from serve.cli.embedded import find

        if self.settings.url is not None:
            return self.settings.url.rstrip("/")
        record = find(self.settings, self.machine)
        return None if record is None else record.url


def session_of(context: typer.Context, as_json: bool = False) -> Session:
    """Return the session of a command; with `as_json` it prints one JSON document and nothing else."""
    session: Session = context.obj
    session.terminal.as_json = as_json
    return session


def _open_client(url: str) -> Client:
    from ktrdr.client import Client

    return Client(url)


def _read_settings() -> Settings:
    from ktrdr.settings import Settings

    return Settings.read()
