"""A picture that Pillow has opened, of any mode, as strips of RGB."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageCms

from diffdemo.images import Pixels
from diffdemo.pictures.colours.colour import Conversion, Samples, by_profile
from diffdemo.pictures.compose import FROM_CMYK, FROM_LAB, TURNED, on_white
from diffdemo.pictures.raster import Raster, row_ranges
from diffdemo.pictures.values import Numbers, scale_of

_PLAIN = {"1": "L", "PA": "RGBA", "La": "LA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB", "HSV": "RGB"}
"""Modes that Pillow itself converts to one of L, LA, RGB, RGBA and CMYK."""


def raster_of(
    opened: Image.Image,
    notes: list[str],
    *,
    orientation: int = 1,
    profile: bytes | None = None,
    convert: Conversion | None = None,
) -> Raster:
    """Strips of an opened picture; its pixels are unpacked when the first of them is taken.

    Args:
        notes: sentences about it so far; gets more.
        orientation: as EXIF numbers it.
        convert: from its colours to sRGB; None to go by the profile.
    """
    if orientation != 1:
        notes.append(TURNED)
    return Raster(opened.width, opened.height, _strips(opened, notes, profile, convert), notes, orientation)


def _strips(
    opened: Image.Image, notes: list[str], profile: bytes | None, convert: Conversion | None
) -> Iterator[Pixels]:
    opened.load()
    if opened.mode.startswith("I") or opened.mode == "F":
        yield from grey_strips(np.asarray(opened)[..., None], notes, convert or by_profile(profile, 1))
        return
    mode = mode_of(opened)
    channels = len(mode) - (mode in ("LA", "RGBA"))
    if opened.mode == "CMYK":
        notes.append(FROM_CMYK)
    elif opened.mode == "LAB":
        notes.append(FROM_LAB)
    samples = (_samples(opened, mode, first, last) for first, last in row_ranges(*opened.size))
    convert = convert or (None if opened.mode == "LAB" else by_profile(profile, channels))
    yield from on_white(samples, notes, has_alpha=mode in ("LA", "RGBA"), convert=convert)


def grey_strips(
    numbers: Numbers, notes: list[str], convert: Conversion | None = None, *, named_top: float | None = None
) -> Iterator[Pixels]:
    """Grey values [H,W,1] of any type as strips of RGB."""
    scale = scale_of(numbers, named_top=named_top)
    notes.append(scale.note)
    ranges = row_ranges(numbers.shape[1], numbers.shape[0])
    samples = (scale.apply(numbers[first:last]) for first, last in ranges)
    yield from on_white(samples, notes, has_alpha=False, convert=convert)


def mode_of(opened: Image.Image) -> str:
    """The mode that a picture's strips are converted to."""
    has_key = "transparency" in opened.info
    if opened.mode == "P":
        return "RGBA" if has_key else "RGB"
    if opened.mode in ("1", "L", "RGB") and has_key:
        return "RGBA"
    return "RGB" if opened.mode == "LAB" else _PLAIN.get(opened.mode, opened.mode)


def _samples(opened: Image.Image, mode: str, first: int, last: int) -> Samples:
    strip = opened.crop((0, first, opened.width, last))
    if strip.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        strip = ImageCms.applyTransform(strip, ImageCms.buildTransform(lab, srgb, "LAB", "RGB")) or strip
    values = np.asarray(strip if strip.mode == mode else strip.convert(mode))
    return values.reshape(last - first, opened.width, -1)
