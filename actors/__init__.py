"""The actors of the service, the training task, and the way a Python driver reaches them."""

from actors.driver import connect

__all__ = ["connect"]
