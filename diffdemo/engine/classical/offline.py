"""What an engine offers without any model: classical codecs, and photographs to try."""

from __future__ import annotations

from collections.abc import Collection

from diffdemo.engine import examples
from diffdemo.engine.classical import files
from diffdemo.engine.records import Classical, Example
from diffdemo.images import Pixels
from diffdemo.metrics.points import CurvePoint


class Offline:
    """A part of the engine's interface; nothing of it needs a device."""

    def classical(self, pixels: Pixels, codec: str, *, num_bytes: int) -> Classical:
        """A classical codec's best file of at most so many bytes, or its smallest if none is small enough."""
        return files.classical_at(pixels, codec, num_bytes=num_bytes)

    def classical_curve(self, pixels: Pixels, codec: str, metrics: Collection[str] | None = None) -> list[CurvePoint]:
        """Rate and distortion over a sweep of the codec's quality setting; see `classical.files.classical_curve`."""
        return files.classical_curve(pixels, codec, metrics)

    def examples(self) -> list[Example]:
        """Photographs that can be tried without an upload."""
        return list(examples.EXAMPLES)

    def example_pixels(self, name: str) -> Pixels:
        """uint8 [H,W,3] of an example."""
        return examples.example_pixels(name)
