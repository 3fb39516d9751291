"""WebP (RFC 9649): the container is walked here, and Pillow sees the first picture only."""

from __future__ import annotations

import io
import struct

from PIL import WebPImagePlugin

from diffdemo.pictures.compose import ENDS_EARLY, FIRST_ONLY
from diffdemo.pictures.kinds.exif import orientation_of
from diffdemo.pictures.limits import COSTLY_FACTOR, Order
from diffdemo.pictures.opened import raster_of
from diffdemo.pictures.raster import Raster

MAX_CHUNKS = 100_000
_PICTURE = {b"VP8 ", b"VP8L", b"ANMF"}
_ICC_FLAG, _EXIF_FLAG, _XMP_FLAG = 0x20, 0x08, 0x04


def read_webp(data: bytes, order: Order) -> Raster:
    """Open a WebP file; its pixels are unpacked when the strips are taken.

    Raises:
        ImageError: if it has too many pixels.
        ValueError: if its picture is not there as a whole.
    """
    kept: list[bytes] = []
    side: dict[bytes, bytes] = {}
    pictures = 0
    size: tuple[int, int] | None = None
    place = 12
    for _ in range(MAX_CHUNKS):
        if place + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, place)
        body = data[place + 8 : place + 8 + length]
        place += 8 + length + length % 2
        is_whole = len(body) == length
        if kind in _PICTURE:
            pictures += 1
            if not is_whole and pictures == 1:
                raise ValueError("its pixels end early")
        if kind in (b"ICCP", b"EXIF"):
            if is_whole:
                side.setdefault(kind, body)
        elif is_whole and kind in (b"VP8X", b"ALPH", b"ANIM", *_PICTURE) and (kind not in _PICTURE or pictures == 1):
            size = size or _size(kind, body)
            plain = bytes([body[0] & ~(_ICC_FLAG | _EXIF_FLAG | _XMP_FLAG)]) + body[1:] if kind == b"VP8X" else body
            kept.append(kind + struct.pack("<I", length) + plain + b"\0" * (length % 2))
    is_cut = 8 + int.from_bytes(data[4:8], "little") > len(data)
    if size is None or not pictures:
        raise ValueError("there are no pixels in it")
    order.admit(*size, COSTLY_FACTOR)
    body = b"WEBP" + b"".join(kept)
    opened = WebPImagePlugin.WebPImageFile(io.BytesIO(b"RIFF" + struct.pack("<I", len(body)) + body))
    notes = [*([FIRST_ONLY] if pictures > 1 else []), *([ENDS_EARLY] if is_cut else [])]
    orientation = orientation_of(side.get(b"EXIF", b""))
    return raster_of(opened, notes, orientation=orientation, profile=side.get(b"ICCP"))


def _size(kind: bytes, body: bytes) -> tuple[int, int] | None:
    """Width and height as a chunk says them, before anything is set aside for so many pixels."""
    if kind == b"VP8X" and len(body) >= 10:
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8 " and len(body) >= 10:
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and len(body) >= 5:
        (bits,) = struct.unpack_from("<I", body, 1)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return None
