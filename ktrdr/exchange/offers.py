"""What can be had as a bundle, as whoever passes its parts on knows it: without torch and without a store."""

from __future__ import annotations

from dataclasses import dataclass

from ktrdr.exchange.archive import Layout


@dataclass(frozen=True)
class BundleOffer:
    """A version that can be had as a bundle: which one, the bundle's layout, size in bytes and SHA-256."""

    model_id: str
    layout: Layout
    sha256: str

    @property
    def size(self) -> int:
        """Bytes of the bundle."""
        return self.layout.size

    @property
    def name(self) -> str:
        """What the bundle's file is called."""
        return bundle_name(self.model_id)


def bundle_name(model_id: str, kind: str = "ktrdr") -> str:
    """Return what the file of a bundle is called."""
    return f"{model_id.replace('/', '_')}.{kind}.zip"
