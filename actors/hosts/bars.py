"""BarsActor over the data folders of the settings."""

from __future__ import annotations

from actors.bars import BarsActor
from ktrdr.data import BarStore
from ktrdr.settings import Settings


class HostedBars(BarsActor):
    """The actor `bars`."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(BarStore(settings.data_roots))
