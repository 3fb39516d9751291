"""The first directory of a TIFF file (TIFF 6.0, BigTIFF): what tifffile and Pillow make too little or too much of."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

import tifffile

_NEEDED = {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339}
"""Tags that say how to read the pixels."""
_ORIENTATION = 274
_OTHERS = {700, 34665, 34853, 40965}
"""Tags that point to more tags or hold XMP. Pillow walks through all of that when it reads the pixels."""
_SHORT = 3
MAX_TAGS = 4096


def needed_codes(data: bytes) -> set[int]:
    """Numbers of the tags that say how to read the pixels, whether their values are there or not.

    tifffile passes over tags that it cannot read, and takes what TIFF says for missing ones: 1 bit, no sign ...
    """
    return {code for code, _ in _entries(data)} & _NEEDED


def tags_of(data: bytes) -> list[tuple[int, Any]]:
    """Number and value of every tag of a file's first picture."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        return [(tag.code, tag.value) for tag in file.pages.first.tags]


def pixels_only(data: bytes) -> bytes:
    """A copy of a file that is the right way up and has neither EXIF nor XMP: Pillow has only pixels to read."""
    order, is_big = _form(data)
    plain = bytearray(data)
    for code, place in _entries(data):
        if code == _ORIENTATION:
            value = place + (12 if is_big else 8)
            struct.pack_into(order + ("HHQ" if is_big else "HHI"), plain, place, code, _SHORT, 1)
            struct.pack_into(order + "HH", plain, value, 1, 0)
        elif code in _OTHERS:
            struct.pack_into(order + "H", plain, place, code - 1)
    return bytes(plain)


def _form(data: bytes) -> tuple[str, bool]:
    """Byte order, and whether it is a BigTIFF."""
    order = "<" if data[:2] == b"II" else ">"
    return order, struct.unpack_from(order + "H", data, 2)[0] == 43


def _entries(data: bytes) -> Iterator[tuple[int, int]]:
    """Number of every tag, and where its entry lies; entries that are not there as a whole are left out."""
    order, is_big = _form(data)
    (start,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)
    (count,) = struct.unpack_from(order + ("Q" if is_big else "H"), data, start)
    first, size = start + (8 if is_big else 2), 20 if is_big else 12
    for place in range(first, first + min(count, MAX_TAGS) * size, size):
        if place + size > len(data):
            return
        yield struct.unpack_from(order + "H", data, place)[0], place
