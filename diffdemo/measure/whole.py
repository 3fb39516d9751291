"""A codec whose files are decoded whole, at several rates: files are written once, and decoded as asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diffdemo.codecs.base import Codec
from diffdemo.codecs.records import Facts, Target
from diffdemo.codecs.rendering import Rendering
from diffdemo.engine.classical.files import Ladder
from diffdemo.errors import ImageError
from diffdemo.images import Pixels, to_pixels
from diffdemo.metrics.points import CurvePoint, measured


@dataclass(frozen=True, slots=True)
class RateFile:
    """One file of a picture.

    Attributes:
        facts: that it states, such as its quantisation step.
        target_bpp: the rate that it was to stay below; None if the codec chose.
    """

    data: bytes
    facts: Facts
    target_bpp: float | None


@dataclass(frozen=True, slots=True)
class WholePoint:
    """A file's rate and distortion, beside JPEG.

    Attributes:
        jpeg: of the smallest JPEG file of the picture that has as many bytes or more; None if there is none, or if
            JPEG cannot hold the picture.
    """

    point: CurvePoint
    file: RateFile
    jpeg: CurvePoint | None

    def to_json(self) -> dict[str, object]:
        """The point's own numbers first, as other codecs have them."""
        jpeg = None if self.jpeg is None else self.jpeg.to_json()
        return {**self.point.to_json(), **self.file.facts, "target_bpp": self.file.target_bpp, "jpeg": jpeg}


def files_of(codec: Codec, pixels: Pixels, bpp: Sequence[float] | None) -> list[RateFile]:
    """A file for each target in bits per pixel that can be met; without targets, those that the codec offers."""
    if bpp is None:
        return [RateFile(data, codec.describe(data).facts, None) for data in codec.files(pixels, ())]
    height, width = pixels.shape[:2]
    found = []
    for target in bpp:
        for data in codec.files(pixels, [Target(int(target * width * height / 8))]):
            found.append(RateFile(data, codec.describe(data).facts, target))
    return found


def measure(
    codec: Codec, pixels: Pixels, files: Sequence[RateFile], rendering: Rendering, jpeg: Ladder
) -> Iterator[WholePoint]:
    """Decode the files of a picture.

    Args:
        codec: that wrote them.
        pixels: the original, uint8 [H,W,3].
    """
    for file in files:
        point = measured(pixels, decoded(codec, file.data, rendering), len(file.data))
        yield WholePoint(point, file, _beside(jpeg, point.num_bytes))


def _beside(jpeg: Ladder, num_bytes: int) -> CurvePoint | None:
    try:
        return jpeg.smallest_from(num_bytes)
    except ImageError:
        return None


def decoded(codec: Codec, data: bytes, rendering: Rendering) -> Pixels:
    """The picture of a file, uint8 [H,W,3]."""
    *_, last = codec.decode(data, rendering)
    return to_pixels(last.image)
