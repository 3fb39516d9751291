"""A picture on its way from file to pixels: strip after strip, never more at once than needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from diffdemo.images import Pixels, fitted_size

STRIP_PIXELS = 1 << 18
"""Rows are worked on in strips of about so many pixels."""
_COLUMNS = 512


@dataclass(slots=True)
class Raster:
    """A picture while it is read.

    Attributes:
        width: of all strips.
        height: of all strips together.
        strips: uint8 [rows, width, 3] from top to bottom. The file's pixels are unpacked when they are asked for.
        notes: sentences for the user; complete when the last strip has been taken.
        orientation: how the picture has to be turned: the value of the EXIF tag, 1 to 8.
        file_size: width and height in the file, where the strips are smaller than that.
    """

    width: int
    height: int
    strips: Iterator[Pixels]
    notes: list[str] = field(default_factory=list)
    orientation: int = 1
    file_size: tuple[int, int] | None = None


def row_ranges(width: int, height: int) -> Iterator[tuple[int, int]]:
    """First row and the one after the last of every strip."""
    step = max(1, STRIP_PIXELS // width)
    return ((top, min(height, top + step)) for top in range(0, height, step))


def collect(raster: Raster, most_pixels: int | None) -> Pixels:
    """All strips as one picture, made smaller on the way if it has more than `most_pixels`.

    Rows are scaled as they come and columns at the end, which are the two passes that Pillow makes of a whole picture:
    the result is that of `fit_pixels`, without the large picture in memory.
    """
    width, height = raster.width, raster.height
    new_width, new_height = (width, height) if most_pixels is None else fitted_size(width, height, most_pixels)
    narrow = np.empty((height, new_width, 3), np.uint8)
    top = 0
    for strip in raster.strips:
        rows = len(strip)
        narrow[top : top + rows] = strip if new_width == width else _resized(strip, (new_width, rows))
        top += rows
    if top != height:
        raise ValueError(f"{top} of {height} rows are there")
    if new_height == height:
        return narrow
    small = np.empty((new_height, new_width, 3), np.uint8)
    for left in range(0, new_width, _COLUMNS):
        block = narrow[:, left : left + _COLUMNS]
        small[:, left : left + _COLUMNS] = _resized(block, (block.shape[1], new_height))
    return small


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Turn or mirror a picture as an EXIF orientation says: where its stored first row and column belong."""
    rows = pixels[::-1] if orientation in (3, 4, 6, 7) else pixels
    turned = rows[:, ::-1] if orientation in (2, 3, 7, 8) else rows
    return np.ascontiguousarray(turned.transpose(1, 0, 2) if orientation >= 5 else turned)


def _resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.LANCZOS))
