"""Which kinds of picture files are read, how they are recognised, and what reads them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PIL import BmpImagePlugin, GifImagePlugin

from diffdemo.pictures.compose import FIRST_ONLY
from diffdemo.pictures.kinds.boxes import brands_of
from diffdemo.pictures.kinds.heif import AVIF_BRANDS, HEIC_BRANDS, heif_library, read_avif, read_heic
from diffdemo.pictures.kinds.jpeg import read_jpeg
from diffdemo.pictures.kinds.png import read_png
from diffdemo.pictures.kinds.png_chunks import SIGNATURE
from diffdemo.pictures.kinds.tiff import read_tiff
from diffdemo.pictures.kinds.tiff_tags import tags_of
from diffdemo.pictures.kinds.webp import read_webp
from diffdemo.pictures.limits import Order
from diffdemo.pictures.opened import raster_of
from diffdemo.pictures.raster import Raster

Reader = Callable[[bytes, Order], Raster]
_FILLERS = (bytes(16), b"\xff" * 16, b"\x55" * 16, b"\xaa" * 16)
"""Entropy coders divide the numbers that a stream of bits can be into stretches, one for every picture. When the least
and the largest of those that it may go on as lie in the same stretch, so do all."""


def _completed(data: bytes) -> Iterable[bytes]:
    return [data + filler for filler in _FILLERS]


def _completed_jpeg(data: bytes) -> Iterable[bytes]:
    """With the marker that ends a picture: decoders put zeros before it themselves, hence the others."""
    return [data.rstrip(b"\xff") + fill * 16 + b"\xff\xd9" for fill in (b"", b"\xff\0", b"\x55", b"\xaa")]


def _completed_tiff(data: bytes) -> Iterable[bytes]:
    """Tags may stand behind the pixels: if any of them is among what is missing, nobody knows what the pixels are."""
    completed = [*_completed(data)]
    return completed if tags_of(completed[0]) == tags_of(completed[1]) == tags_of(completed[2]) else []


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of picture file.

    Attributes:
        completed: a file that ends early, with different bytes in place of those that are missing. If the picture
            comes out the same with each of them, none of its pixels was among them. Nothing if there is no hope.
    """

    name: str
    read: Reader
    is_this: Callable[[bytes], bool]
    completed: Callable[[bytes], Iterable[bytes]] = _completed


def _read_gif(data: bytes, order: Order) -> Raster:
    opened = GifImagePlugin.GifImageFile(io.BytesIO(data))
    order.admit(*opened.size)
    return raster_of(opened, [FIRST_ONLY] if opened.is_animated else [])


def _read_bmp(data: bytes, order: Order) -> Raster:
    opened = BmpImagePlugin.BmpImageFile(io.BytesIO(data))
    order.admit(*opened.size)
    return raster_of(opened, [])


def _begins(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(signatures)


KINDS = (
    Kind("PNG", read_png, _begins(SIGNATURE), completed=lambda data: []),
    Kind("JPEG", read_jpeg, _begins(b"\xff\xd8\xff"), _completed_jpeg),
    Kind("WebP", read_webp, lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP"),
    Kind("AVIF", read_avif, lambda data: bool(brands_of(data) & AVIF_BRANDS)),
    Kind("TIFF", read_tiff, _begins(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), _completed_tiff),
    Kind("BMP", _read_bmp, _begins(b"BM")),
    Kind("GIF", _read_gif, _begins(b"GIF87a", b"GIF89a")),
    Kind("HEIC", read_heic, lambda data: bool(brands_of(data) & HEIC_BRANDS)),
)
"""In the order in which they are named and tried; AVIF files name a brand of HEIC's family too."""


def kind_of(data: bytes) -> Kind | None:
    """The kind of a file by its first bytes, whatever its name says."""
    return next((kind for kind in KINDS if kind.is_this(data)), None)


def readable_formats() -> str:
    """What can be read here, for a sentence: "PNG, JPEG ... and GIF"."""
    names = [kind.name for kind in KINDS if kind.name != "HEIC" or heif_library() is not None]
    return f"{', '.join(names[:-1])} and {names[-1]}"
