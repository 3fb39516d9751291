"""A codec whose files are decoded whole, at several rates: files are written once, and decoded as asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diffdemo.codecs.base import Codec
from diffdemo.codecs.records import Facts, Target
from diffdemo.codecs.rendering import Rendering
from diffdemo.engine.classical.files import Ladder
from diffdemo.errors import ImageError
from diffdemo.images import Pixels, to_pixels
from diffdemo.metrics.points import measured


@dataclass(frozen=True, slots=True)
class RateFile:
    """One file of a picture, what it states, and the rate that it was to stay below; None if the codec chose."""

    data: bytes
    facts: Facts
    target_bpp: float | None


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
) -> Iterator[dict[str, object]]:
    """Rate and distortion of a picture's files, beside the smallest JPEG of as many bytes or more.

    There is no JPEG where none is so large, or where JPEG cannot hold the picture.

    Args:
        pixels: the original, uint8 [H,W,3].

    Yields:
        The point's own numbers first, as other codecs have them.
    """
    for file in files:
        point = measured(pixels, decoded(codec, file.data, rendering), len(file.data))
        beside = None
        with contextlib.suppress(ImageError):
            beside = jpeg.smallest_from(point.num_bytes)
        rival = None if beside is None else beside.to_json()
        yield {**point.to_json(), **file.facts, "target_bpp": file.target_bpp, "jpeg": rival}


def decoded(codec: Codec, data: bytes, rendering: Rendering) -> Pixels:
    """The picture of a file, uint8 [H,W,3]."""
    *_, last = codec.decode(data, rendering)
    return to_pixels(last.image)
