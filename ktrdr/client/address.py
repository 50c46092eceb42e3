"""Where the service answers, and how names stand in a path of it."""

from __future__ import annotations

from urllib.parse import quote

from ktrdr.errors import RequestError, ServiceUnreachable
from ktrdr.settings import Settings
from ktrdr.wire.service_record import ServiceRecord


def recorded_url(settings: Settings) -> str:
    """Return the address of the service that `ktrdr up` started for the settings' home.

    Raises
    ------
    ServiceUnreachable
        If it has started none.
    """
    record = ServiceRecord.read(settings.home)
    if record is None:
        raise ServiceUnreachable(f"the service of {settings.home}")
    return record.url


def segment(text: str) -> str:
    """Return a name as one segment of a path.

    Raises
    ------
    RequestError
        If it would be none: empty, or `..`, which names what is above.
    """
    if not text.strip("."):
        raise RequestError("name", f"'{text}' names nothing.", "Give the name as a listing shows it.")
    return quote(text, safe="")
