"""The HTTP client of the service."""

from ktrdr.client.client import Client
from ktrdr.client.events import ServiceEvent

__all__ = ["Client", "ServiceEvent"]
