"""PNG files of the page's own making: how large they are, and their pixels, decoded once for a few of them."""

from __future__ import annotations

import struct
from functools import lru_cache

from diffdemo.images import Pixels
from diffdemo.pictures import load_picture

_MAX_DECODED = 8
"""Of up to 4 megapixels, 12 MB each."""


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height in pixels, which stand at one place in every PNG file (ISO 15948, 11.2.2)."""
    width, height = struct.unpack_from(">II", png, 16)
    return width, height


@lru_cache(_MAX_DECODED)
def pixels_of(png: bytes) -> Pixels:
    """uint8 [H,W,3] of an original, shared by all who ask: nobody writes into them."""
    return load_picture(png).pixels


def known_pixels(png: bytes) -> Pixels | None:
    """The pixels of an original; None for the empty file that stands for one that nobody has."""
    return pixels_of(png) if png else None
