"""What a model can be exported as."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """What a model can be exported as: alone, or with its network in a form that other programs read."""

    KTRDR = "ktrdr"
    SAFETENSORS = "safetensors"
    ONNX = "onnx"
    PT2 = "pt2"

    @property
    def file(self) -> str | None:
        """The file that it adds to the bundle."""
        return None if self is Format.KTRDR else f"model.{self}"
