"""Models on their way between stores and other programs: bundles, out of a store and in, and the formats in them.

Names are imported when first used: most of them need torch, and whoever passes a bundle on does not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ktrdr.exchange.bundles import offer_of, part_of
    from ktrdr.exchange.exporting import Exported, export_model
    from ktrdr.exchange.format_names import Format
    from ktrdr.exchange.importing import import_bundle
    from ktrdr.exchange.offers import BundleOffer
    from ktrdr.exchange.record import ExportRecord
    from ktrdr.exchange.uploads import Uploads

_HOMES = {
    "BundleOffer": "offers",
    "ExportRecord": "record",
    "Exported": "exporting",
    "Format": "format_names",
    "export_model": "exporting",
    "import_bundle": "importing",
    "offer_of": "bundles",
    "part_of": "bundles",
    "Uploads": "uploads",
}

__all__ = [
    "BundleOffer",
    "ExportRecord",
    "Exported",
    "Format",
    "Uploads",
    "export_model",
    "import_bundle",
    "offer_of",
    "part_of",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"ktrdr.exchange.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
