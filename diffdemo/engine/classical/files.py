"""JPEG, JPEG 2000, WebP, HEIC, AVIF and JPEG XL on the same pixels, for comparison.

Only the quality is set; chroma subsampling, effort and the rest stay at what people get who do not ask. What else has
to be said stands at the codec in `formats`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection

import numpy as np
from PIL import Image

from diffdemo.engine.classical import formats
from diffdemo.engine.classical.formats import FORMATS, available
from diffdemo.engine.records import Classical
from diffdemo.errors import ImageError
from diffdemo.images import Pixels
from diffdemo.metrics.distortion import bits_per_pixel
from diffdemo.metrics.points import CurvePoint, measured
from diffdemo.metrics.registry import When, until

__all__ = ["Ladder", "available", "available_codecs", "classical_at", "classical_curve"]

NEIGHBOURS = 3
"""How far above the bisection's answer to look, because a higher quality is now and then a few bytes smaller.

The dips of photographs lie within this reach. Longer ones are those of flat or tiny pictures, a few bytes deep.
"""


def available_codecs() -> list[str]:
    """Those of `formats.measured` that can be written here. For all that can be written, see `available`."""
    return [codec for codec in formats.measured() if FORMATS[codec].is_here()]


def classical_at(pixels: Pixels, codec: str, *, num_bytes: int) -> Classical:
    """The best quality whose file fits; if none does, the smallest file that was found, with a note that says so.

    Args:
        pixels: uint8 [H,W,3].
        codec: one of `available()`.
        num_bytes: the most that the file may hold.

    Raises:
        ValueError: if the codec is not available.
        ImageError: if the codec cannot hold a picture of this size.
    """
    files = _Files(pixels, codec)
    kind = FORMATS[codec]
    height, width = pixels.shape[:2]
    start = kind.setting_of(bits_per_pixel(max(1, num_bytes), width, height))
    for lowest, highest in kind.stretches:
        quality = _largest_quality(lambda q: len(files[q]) <= num_bytes, lowest, highest, start)
        if quality is not None:
            break
    else:
        quality = min(files, key=lambda q: len(files[q]))
    data = files[quality]
    decoded = files.decoded(quality)
    point = measured(pixels, decoded, len(data), until(When.REST))
    return Classical(codec, quality, data, decoded, point, _excess(codec, len(data), num_bytes))


def _excess(codec: str, smallest: int, asked: int) -> str:
    """What to say about a file that is larger than it was to be; "" where it is not."""
    if smallest <= asked:
        return ""
    verb = "was" if asked == 1 else "were"
    return f"{FORMATS[codec].label}'s smallest file of this picture has {smallest:,} bytes; {asked:,} {verb} asked for."


def classical_curve(pixels: Pixels, codec: str, metrics: Collection[str] | None = None) -> list[CurvePoint]:
    """A quality sweep, fewest bytes first; settings that give equal files are listed once.

    Args:
        pixels: uint8 [H,W,3].
        codec: one of `available()`.
        metrics: names of those to measure; None for those that are measured of pictures that stay.

    Raises:
        ValueError, ImageError: as `classical_at`.
    """
    files = _Files(pixels, codec)
    by_size = {len(files[quality]): quality for quality in FORMATS[codec].sweep}
    names = until(When.REST) if metrics is None else metrics
    return [measured(pixels, files.decoded(quality), size, names) for size, quality in sorted(by_size.items())]


class Ladder:
    """All files that a codec writes of one picture, for questions about many sizes.

    Raises:
        ValueError, ImageError: as `classical_at`, when it is first asked.
    """

    def __init__(self, pixels: Pixels, codec: str) -> None:
        self._pixels = pixels
        self._qualities = FORMATS[codec].settings
        self._files = _Files(pixels, codec)
        self._points: dict[int, CurvePoint] = {}

    def smallest_from(self, num_bytes: int) -> CurvePoint | None:
        """Where the smallest file of at least so many bytes lies; None if all are smaller."""
        large_enough = [quality for quality in self._qualities if len(self._files[quality]) >= num_bytes]
        if not large_enough:
            return None
        quality = min(large_enough, key=lambda q: len(self._files[q]))
        if quality not in self._points:
            decoded = self._files.decoded(quality)
            self._points[quality] = measured(self._pixels, decoded, len(self._files[quality]), until(When.REST))
        return self._points[quality]


class _Files(dict[int, bytes]):
    """Quality to file, each compressed when it is first asked for."""

    def __init__(self, pixels: Pixels, codec: str) -> None:
        if codec not in available():
            raise ValueError(f"codec {codec!r} is not available, expected one of {list(available())}")
        super().__init__()
        self._picture = Image.fromarray(pixels)
        self._codec = codec

    def __missing__(self, quality: int) -> bytes:
        out = io.BytesIO()
        kind = FORMATS[self._codec]
        if kind.max_side is not None and max(self._picture.size) > kind.max_side:
            raise self._refusal(f"no side may have more than {kind.max_side:,}")
        try:
            self._picture.save(out, kind.pillow, **kind.options(quality))
        except (OSError, RuntimeError, ValueError) as error:
            raise self._refusal(error) from error
        self[quality] = out.getvalue()
        return self[quality]

    def decoded(self, quality: int) -> Pixels:
        """What the file of a quality holds, uint8 [H,W,3]."""
        try:
            with Image.open(io.BytesIO(self[quality]), formats=[FORMATS[self._codec].pillow]) as opened:
                return np.array(opened.convert("RGB"))
        except (OSError, RuntimeError, ValueError) as error:
            raise self._refusal(error) from error

    def _refusal(self, reason: object) -> ImageError:
        width, height = self._picture.size
        return ImageError(f"{self._codec} cannot hold a picture of {width} x {height} pixels: {reason}.")


def _largest_quality(
    fits: Callable[[int], bool], lowest: int, highest: int = 100, start: int | None = None
) -> int | None:
    """The largest quality that fits, or None; size grows with quality, but for small dips.

    Args:
        fits: whether the file of a quality is small enough.
        lowest, highest: the qualities that there are.
        start: where to look first, if it can be guessed; None to begin in the middle.
    """
    if start is None or start >= highest:
        if fits(highest):
            return highest
        low, high = lowest - 1, highest
    else:
        low, high = _around(fits, lowest - 1, highest + 1, max(lowest, start))
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    above = range(low + 1, min(low + NEIGHBOURS, highest) + 1)
    best = max((quality for quality in above if fits(quality)), default=low)
    return best if best >= lowest else None


def _around(fits: Callable[[int], bool], low: int, high: int, start: int) -> tuple[int, int]:
    """Two qualities, the lower one fitting and the upper one not, found from a guess by steps that double.

    Args:
        fits: as above.
        low, high: returned where everything below or above is of one kind; they are asked for themselves never.
        start: the guess, between them.
    """
    direction = 1 if fits(start) else -1
    known, reach = start, 1
    while low < (there := start + direction * reach) < high:
        if fits(there) != (direction > 0):
            return (known, there) if direction > 0 else (there, known)
        known, reach = there, 2 * reach
    return (known, high) if direction > 0 else (low, known)
