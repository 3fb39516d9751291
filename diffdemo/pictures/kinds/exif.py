"""One EXIF tag: which way is up. All the others may be broken, and nobody minds."""

from __future__ import annotations

import struct

ORIENTATION = 0x0112
_PREFIX = b"Exif\0\0"
_SHORT, _LONG = 3, 4


def orientation_of(exif: bytes) -> int:
    """The orientation, 1 to 8, in EXIF data (TIFF 6.0, with JPEG's prefix or without); 1 if none makes sense."""
    block = exif[len(_PREFIX) :] if exif.startswith(_PREFIX) else exif
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, number = struct.unpack_from(order + "HHI", block, entry)
            if tag == ORIENTATION:
                (value,) = struct.unpack_from(order + ("I" if kind == _LONG else "H"), block, entry + 8)
                is_whole = kind in (_SHORT, _LONG) and number == 1
                return value if is_whole and 1 <= value <= 8 else 1
    except struct.error:  # The directory ends early.
        return 1
    return 1
