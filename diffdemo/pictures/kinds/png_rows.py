"""Compressed pixels of a PNG to samples, in strips.

The rows are unpacked piece by piece. To undo their filters, each piece is dressed as a small PNG of its own and given
to Pillow: its first row is the last one of the piece before, unfiltered, which is all that filters look back on.
Filters work on bytes a pixel apart and do not know what the bytes mean, so 16-bit colour goes through as two pictures,
one of the first three (or four) bytes of every pixel and one of the others, and no bit of it is lost.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import PngImagePlugin

from diffdemo.pictures.colours.colour import Samples
from diffdemo.pictures.kinds.png_chunks import SIGNATURE, Header, Span
from diffdemo.pictures.raster import row_ranges

Bytes = NDArray[np.uint8]

_FED = 1 << 16
_COLOUR_OF = {1: 0, 2: 4, 3: 2, 4: 6}
"""Bytes in a pixel to the PNG colour type that has as many channels of 8 bits."""
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Adam7: first column and row of every pass, and the steps between its columns and rows."""


def sample_strips(data: bytes, spans: list[Span], header: Header) -> Iterator[Samples]:
    """Samples [n,W,C] from top to bottom: uint16 for 16 bits, else uint8 with the values as stored (0..1 for 1 bit).

    Args:
        spans: where its compressed pixels lie.

    Raises:
        ValueError: if pixels are missing.
        zlib.error: if they are damaged.
        OSError: if a row names a filter that does not exist.
    """
    stream = _Inflated(data, spans)
    if not header.interlaced:
        yield from _plain(stream, header.width, header.height, header)
        return
    whole = np.empty((header.height, header.width, header.channels), np.uint16 if header.depth == 16 else np.uint8)
    for left, top, across, down in PASSES:
        part = whole[top::down, left::across]
        row = 0
        for strip in _plain(stream, part.shape[1], part.shape[0], header):
            part[row : row + len(strip)] = strip
            row += len(strip)
    for first, last in row_ranges(header.width, header.height):
        yield whole[first:last]


def _plain(stream: _Inflated, width: int, height: int, header: Header) -> Iterator[Samples]:
    """The rows of a picture, or of a pass of one, whose rows follow each other."""
    if width == 0 or height == 0:
        return
    bits = header.channels * header.depth
    row_bytes, step = (width * bits + 7) // 8, max(1, bits // 8)
    above = np.zeros(row_bytes, np.uint8)
    for first, last in row_ranges(width, height):
        packed = stream.take((last - first) * (1 + row_bytes)).reshape(last - first, 1 + row_bytes)
        rows = _unfiltered(packed, above, step)
        above = rows[-1]
        yield _samples(rows, width, header)


class _Inflated:
    """The unpacked bytes of a picture, as many at a time as somebody asks for."""

    def __init__(self, data: bytes, spans: list[Span]) -> None:
        self._unpacker = zlib.decompressobj()
        view = memoryview(data)
        self._pieces = (
            view[place : min(end, place + _FED)] for start, end in spans for place in range(start, end, _FED)
        )

    def take(self, count: int) -> Bytes:
        """The next `count` bytes."""
        out, filled = np.empty(count, np.uint8), 0
        while filled < count:
            piece = self._unpacker.unconsumed_tail or next(self._pieces, b"")
            unpacked = self._unpacker.decompress(piece, count - filled)
            out[filled : filled + len(unpacked)] = np.frombuffer(unpacked, np.uint8)
            filled += len(unpacked)
            if not unpacked and (not piece or self._unpacker.eof):
                raise ValueError("its pixels end early")
        return out


def _unfiltered(packed: Bytes, above: Bytes, step: int) -> Bytes:
    """Undo the filters of some rows.

    Args:
        packed: [n, 1 + row bytes], each row with its filter's number in front.
        above: [row bytes], the row before them, unfiltered.
        step: bytes in a pixel, 1 if it has less than one.
    """
    filters, rows = packed[:, :1], packed[:, 1:]
    if not filters.any():
        return rows
    channels = step if step <= 4 else step // 2
    planes = []
    for part in range(step // channels):
        columns = np.s_[:, :, part * channels : (part + 1) * channels]
        body = np.ascontiguousarray(rows.reshape(len(rows), -1, step)[columns])
        first = np.ascontiguousarray(above.reshape(1, -1, step)[columns])
        planes.append(_by_pillow(filters, body, first))
    return np.concatenate(planes, axis=2).reshape(rows.shape)


def _by_pillow(filters: Bytes, rows: Bytes, above: Bytes) -> Bytes:
    """Unfilter rows [n, W, channels] below one row [1, W, channels] by having Pillow read them."""
    count, width, channels = rows.shape
    plain = np.zeros((1, 1), np.uint8)
    stream = np.concatenate(
        [np.concatenate([plain, filters]), np.concatenate([above, rows]).reshape(count + 1, -1)], axis=1
    )
    header = struct.pack(">IIBBBBB", width, count + 1, 8, _COLOUR_OF[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(stream.tobytes(), 0)), (b"IEND", b""))
    file = SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
        for kind, body in chunks
    )
    return np.asarray(PngImagePlugin.PngImageFile(io.BytesIO(file)))[1:].reshape(count, width, channels)


def _samples(rows: Bytes, width: int, header: Header) -> Samples:
    """Bytes of rows [n, row bytes] to samples [n, width, channels]."""
    if header.depth == 16:
        return rows.reshape(-1).view(">u2").astype(np.uint16).reshape(len(rows), width, header.channels)
    if header.depth == 8:
        return rows.reshape(len(rows), width, header.channels)
    shifts = np.arange(8 - header.depth, -1, -header.depth, dtype=np.uint8)
    values = (rows[:, :, None] >> shifts) & np.uint8((1 << header.depth) - 1)
    return values.reshape(len(rows), -1)[:, :width, None]
