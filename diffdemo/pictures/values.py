"""Numbers of any type and range to 8 bits: what is black, what is white, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffdemo.pictures.compose import FROM_16_BITS
from diffdemo.pictures.raster import row_ranges

Numbers = NDArray[Any]
"""Integers or floating-point numbers [H,W,C]."""

UNDERSHOOT = 0.02
"""Filters leave values a little below zero; so much of the largest one is no meaning of their own."""
OVERSHOOT = 0.1
"""What is this little beyond 0..1 was meant to be 0..1."""
_SAMPLED = 1 << 20


@dataclass(frozen=True, slots=True)
class Scale:
    """Which number becomes black and which one white.

    Attributes:
        low: becomes 0.
        high: becomes 255; above `low`.
        note: a sentence about it.
    """

    low: float
    high: float
    note: str

    def apply(self, numbers: Numbers) -> NDArray[np.uint8]:
        """Numbers to uint8, rounded; those that are none become black, what lies outside is cut off."""
        span = np.nan_to_num(
            (numbers.astype(np.float64) - self.low) / (self.high - self.low), nan=0.0, posinf=1.0, neginf=0.0
        )
        return (np.clip(span, 0, 1) * 255 + 0.5).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class _Range:
    """What was found: the extremes of all finite numbers, and those that hardly any lies beyond."""

    low: float
    high: float
    robust_low: float
    robust_high: float
    all_finite: bool
    all_whole: bool


def scale_of(numbers: Numbers, bits: int | None = None, named_top: float | None = None) -> Scale:
    """Choose a scale by type and range.

    Unsigned integers of up to 16 bits use all of their bits, unless the file names a smaller largest value, or no
    number needs more than 8 bits. Everything else is taken for 0..1, 0..255, 0..65535 or the type's whole range if its
    numbers look like that; if not, its own largest number is white, and its own least one black if it is clearly
    negative.

    Args:
        bits: that the file says its unsigned integers have; None for those of the type.
        named_top: the largest value that the file says there may be (TIFF: MaxSampleValue).
    """
    found = _range(numbers)
    kind = numbers.dtype
    scale = (
        _unsigned(found, bits or kind.itemsize * 8, named_top) if kind in (np.uint8, np.uint16) else _guess(found, kind)
    )
    if found.all_finite:
        return scale
    return Scale(scale.low, scale.high, f"{scale.note} Points without a finite number are black or white.")


def _unsigned(found: _Range, bits: int, named_top: float | None) -> Scale:
    top = (1 << bits) - 1
    if bits > 8 and 0 < found.high <= 255 and not (named_top and 255 < named_top < top):
        return Scale(0, 255, f"Its {bits}-bit numbers go up to {found.high:g} only: taken as 8 bits.")
    if named_top and found.high <= named_top < top and bits > 8:
        return Scale(
            0, named_top, f"Reduced from {bits} to 8 bits a channel; {named_top:g} is white, as the file says."
        )
    note = FROM_16_BITS if bits == 16 else f"Reduced from {bits} to 8 bits a channel."
    if bits > 8 and 0 < found.high * 4 < top:
        note += (
            f" It comes out dark (or bright, where 0 means white): its numbers go up to {found.high:g} of {top} only."
        )
    return Scale(0, top, note)


def _guess(found: _Range, kind: np.dtype[Any]) -> Scale:
    """The scale of floating-point numbers, of signed ones and of large ones."""
    is_float = kind.kind == "f"
    words = f"{kind.itemsize * 8}-bit {'floating-point' if is_float else 'whole'} numbers"
    if is_float and found.low >= -OVERSHOOT and found.high <= 1 + OVERSHOOT:
        return Scale(0, 1, f"Reduced from {words}, taken as 0 to 1, to 8 bits a channel.")
    if found.low < -UNDERSHOOT * max(found.high, 0.0):
        return _own(found.robust_low, found.robust_high, words)
    type_top = float(np.iinfo(kind).max) if not is_float else 0.0
    if found.high <= min(type_top or 255, 255) and (found.all_whole or found.high >= 128):
        return Scale(0, min(type_top or 255, 255), f"Reduced from {words}, taken as 0 to 255, to 8 bits a channel.")
    for top in (255.0, 65535.0, type_top):
        if top / 2 < found.high <= top * (1.05 if is_float else 1):
            return Scale(0, top, f"Reduced from {words}, taken as 0 to {top:.0f}, to 8 bits a channel.")
    return _own(0.0, found.robust_high, words)


def _own(low: float, high: float, words: str) -> Scale:
    if high <= low:
        high = low + 1
    return Scale(low, high, f"Reduced from {words} to 8 bits a channel: {low:.6g} is black, {high:.6g} is white.")


def _range(numbers: Numbers) -> _Range:
    """Look through all numbers, strip by strip."""
    height, width = numbers.shape[:2]
    lows, highs, all_finite = [], [], True
    for first, last in row_ranges(width, height):
        strip = numbers[first:last]
        if strip.dtype.kind == "f":
            finite = np.isfinite(strip)
            all_finite &= bool(finite.all())
            strip = strip[finite]
        if strip.size:
            lows.append(float(strip.min()))
            highs.append(float(strip.max()))
    step = max(1, round((height * width / _SAMPLED) ** 0.5))
    few = numbers[::step, ::step].astype(np.float64)
    few = few[np.isfinite(few)]
    if not lows or not few.size:
        return _Range(0, 0, 0, 0, all_finite, True)
    low, high = min(lows), max(highs)
    bottom, top = map(float, np.percentile(few, (0.1, 99.9)))
    base = min(bottom, 0.0)
    return _Range(
        low,
        high,
        bottom if bottom - low > top - bottom > 0 else low,
        top if high - top > top - base > 0 else high,
        all_finite,
        bool((few == np.round(few)).all()),
    )
