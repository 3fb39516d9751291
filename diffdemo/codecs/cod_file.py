"""The authors' `.cod` file: two sides and codes of fixed length. No magic, no check value, no name of a model.

    width, 16 bits, little-endian | height, the same | codes, `cod_payload.pack`

Which model wrote it is not in the file; whoever reads it has to know. Their tools do not pad: a picture whose sides are
no multiples of 16 (of 32 for the models with a code for 32x32 pixels) loses its last rows and columns, or cannot be
decoded by them at all.
"""

from __future__ import annotations

import struct

from diffdemo.codecs.cod_payload import Codes, fixed_bytes, pack, unpack
from diffdemo.coding.container import LARGEST_SIDE
from diffdemo.errors import CorruptBitstream, ImageError, TruncatedBitstream
from diffdemo.models.cod.shape import PATCH, CodShape

_SIDES = struct.Struct("<HH")


def write_cod(codes: Codes, shape: CodShape) -> bytes:
    """The authors' file of a picture as it was padded: that is the size it decodes to everywhere.

    Raises:
        ImageError: a side does not fit into 16 bits.
    """
    height, width = (side * shape.stride for side in codes.shape)
    if max(height, width) > LARGEST_SIDE:
        raise ImageError(
            f"The picture has {width} x {height} pixels after padding; a .cod file holds sides of up to "
            f"{LARGEST_SIDE:,}. Please make it smaller, or write a .difd file."
        )
    return _SIDES.pack(width, height) + pack(codes, shape.bits)


def cod_sides(data: bytes) -> tuple[int, int]:
    """Width and height that a file claims.

    Raises:
        TruncatedBitstream: it ends before them.
        CorruptBitstream: one of them is zero.
    """
    if len(data) < _SIDES.size:
        raise TruncatedBitstream(f"The .cod file ends inside its header, after {len(data)} bytes.")
    width, height = _SIDES.unpack_from(data)
    if not (width and height):
        raise CorruptBitstream(f"The .cod file claims a picture of {width} x {height} pixels, which cannot be.")
    return width, height


def read_cod(data: bytes, shape: CodShape) -> tuple[int, int, Codes]:
    """Width, height and codes of a file.

    The codes cover as much of the picture as is whole patches; what remains to the right and below has none.

    Raises:
        TruncatedBitstream: it is cut.
        CorruptBitstream: it is not what their encoder writes for this model.
    """
    width, height = cod_sides(data)
    across, down = width // shape.stride, height // shape.stride
    whole = (across * shape.stride, down * shape.stride)
    if whole != (width // PATCH * PATCH, height // PATCH * PATCH) or not (across and down):
        raise CorruptBitstream(
            f"The .cod file claims {width} x {height} pixels; a model with a code for {shape.stride} x {shape.stride} "
            f"pixels cannot decode that. Was it written with another model, or from a picture whose sides are no "
            f"multiples of {shape.multiple}?"
        )
    body = data[_SIDES.size :]
    expected = fixed_bytes(across * down, shape.bits)
    if len(body) < expected:
        raise TruncatedBitstream(
            f"The .cod file ends after {len(data):,} of {_SIDES.size + expected:,} bytes, or was written with another "
            "model. It cannot be decoded in part; please fetch it again, whole."
        )
    if len(body) > expected:
        raise CorruptBitstream(
            f"The .cod file has {len(data):,} bytes; {width} x {height} pixels take {_SIDES.size + expected:,} with "
            "this model. It was written with another one, or is damaged."
        )
    return width, height, unpack(body, down, across, shape.bits)
