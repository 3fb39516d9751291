"""JPEG, WebP and AVIF on the same pixels, for comparison: files as Pillow writes them by default.

Only the quality is set; chroma subsampling, effort and the rest stay at what people get who do not ask.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, features

from diffdemo.engine.records import Classical, CurvePoint
from diffdemo.errors import ImageError
from diffdemo.images import Pixels
from diffdemo.metrics import bits_per_pixel, ms_ssim, psnr_db

FORMATS = {"jpeg": "JPEG", "webp": "WEBP", "avif": "AVIF"}
LOWEST_QUALITY = {"jpeg": 1, "webp": 0, "avif": 0}
HIGHEST_QUALITY = 100
CURVE_QUALITIES = (1, 5, 12, 21, 32, 45, 58, 70, 80, 89, 95)
"""Nearly even in log bytes; beyond 95 all three spend bytes on differences that nobody sees."""
NEIGHBOURS = 3
"""How far above the bisection's answer to look, because a higher quality is now and then a few bytes smaller.

The dips of photographs lie within this reach. Longer ones are those of flat or tiny pictures, a few bytes deep.
"""


def available_codecs() -> list[str]:
    """Names of the codecs that this Pillow can write, in the order in which they were invented."""
    return [codec for codec in FORMATS if codec == "jpeg" or features.check(codec)]


def classical_at(pixels: Pixels, codec: str, *, num_bytes: int) -> Classical:
    """The best quality whose file fits; if none does, the smallest file that was found.

    Args:
        pixels: uint8 [H,W,3].
        codec: one of `available_codecs()`.
        num_bytes: the most that the file may hold.

    Raises:
        ValueError: if the codec is not available.
        ImageError: if the codec cannot hold a picture of this size.
    """
    files = _Files(pixels, codec)
    quality = _largest_quality(lambda q: len(files[q]) <= num_bytes, LOWEST_QUALITY[codec])
    if quality is None:
        quality = min(files, key=lambda q: len(files[q]))
    data = files[quality]
    decoded = _decode(data)
    return Classical(codec, quality, data, decoded, _measure(pixels, decoded, len(data)))


def classical_curve(pixels: Pixels, codec: str) -> list[CurvePoint]:
    """A quality sweep, fewest bytes first; settings that give equal files are listed once.

    Raises:
        ValueError, ImageError: as `classical_at`.
    """
    files = _Files(pixels, codec)
    by_size = {len(files[quality]): files[quality] for quality in CURVE_QUALITIES}
    return [_measure(pixels, _decode(data), size) for size, data in sorted(by_size.items())]


class Ladder:
    """All files that a codec writes of one picture, for questions about many sizes.

    Raises:
        ValueError, ImageError: as `classical_at`, when it is first asked.
    """

    def __init__(self, pixels: Pixels, codec: str) -> None:
        self._pixels = pixels
        self._lowest = LOWEST_QUALITY[codec]
        self._files = _Files(pixels, codec)
        self._points: dict[int, CurvePoint] = {}

    def smallest_from(self, num_bytes: int) -> CurvePoint | None:
        """Where the smallest file of at least so many bytes lies; None if all are smaller."""
        qualities = range(self._lowest, HIGHEST_QUALITY + 1)
        large_enough = [quality for quality in qualities if len(self._files[quality]) >= num_bytes]
        if not large_enough:
            return None
        quality = min(large_enough, key=lambda q: len(self._files[q]))
        if quality not in self._points:
            data = self._files[quality]
            self._points[quality] = _measure(self._pixels, _decode(data), len(data))
        return self._points[quality]


def bytes_needed(points: Sequence[CurvePoint], psnr_db: float) -> int | None:
    """File size at which a curve reaches a quality: log bytes interpolated over PSNR.

    Args:
        points: in any order. One that costs more than another without being better is left out, and so are
            lossless ones, whose PSNR is infinite.
        psnr_db: the quality asked for.

    Returns:
        Bytes, or None outside of the measured range.
    """
    best: list[CurvePoint] = []
    for point in sorted(points, key=lambda p: (p.num_bytes, -p.psnr_db)):
        if math.isfinite(point.psnr_db) and (not best or point.psnr_db > best[-1].psnr_db):
            best.append(point)
    if not best or not best[0].psnr_db <= psnr_db <= best[-1].psnr_db:
        return None
    log_bytes = np.interp(psnr_db, [p.psnr_db for p in best], [math.log(p.num_bytes) for p in best])
    return round(math.exp(float(log_bytes)))


class _Files(dict[int, bytes]):
    """Quality to file, each compressed when it is first asked for."""

    def __init__(self, pixels: Pixels, codec: str) -> None:
        if codec not in available_codecs():
            raise ValueError(f"codec {codec!r} is not available, expected one of {available_codecs()}")
        super().__init__()
        self._picture = Image.fromarray(pixels)
        self._codec = codec

    def __missing__(self, quality: int) -> bytes:
        out = io.BytesIO()
        try:
            self._picture.save(out, FORMATS[self._codec], quality=quality)
        except (OSError, ValueError) as error:
            width, height = self._picture.size
            raise ImageError(f"{self._codec} cannot hold a picture of {width} x {height} pixels: {error}.") from error
        self[quality] = out.getvalue()
        return self[quality]


def _largest_quality(fits: Callable[[int], bool], lowest: int) -> int | None:
    """The largest quality that fits, or None; size grows with quality, but for small dips."""
    if fits(HIGHEST_QUALITY):
        return HIGHEST_QUALITY
    low, high = lowest - 1, HIGHEST_QUALITY
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    above = range(low + 1, min(low + NEIGHBOURS, HIGHEST_QUALITY) + 1)
    best = max((quality for quality in above if fits(quality)), default=low)
    return best if best >= lowest else None


def _decode(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as opened:
        return np.array(opened.convert("RGB"))


def _measure(original: Pixels, decoded: Pixels, num_bytes: int) -> CurvePoint:
    height, width = original.shape[:2]
    return CurvePoint(
        num_bytes, bits_per_pixel(num_bytes, width, height), psnr_db(original, decoded), ms_ssim(original, decoded)
    )
