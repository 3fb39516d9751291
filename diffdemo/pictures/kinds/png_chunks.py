"""The chunks of a PNG file (W3C PNG, third edition): what is needed for its picture, and nothing else.

Side chunks never keep a picture from being read: of those that matter, damaged ones count as absent; all others (texts,
times, XMP, private ones) are passed over whatever they hold.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import NamedTuple

from diffdemo.pictures.colours.colour import MAX_PROFILE_BYTES

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 1_000_000
_SIDE = {b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"eXIf", b"acTL"}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = _CHANNELS
Span = tuple[int, int]
"""First byte in the file, and the one after the last."""


class Header(NamedTuple):
    """The chunk IHDR."""

    width: int
    height: int
    depth: int
    colour: int
    compression: int
    filtering: int
    interlaced: int

    @property
    def channels(self) -> int:
        """Samples in a pixel."""
        return _CHANNELS[self.colour]


class Frame(NamedTuple):
    """Where a picture of an animation lies in the whole."""

    width: int
    height: int
    left: int
    top: int


@dataclass(slots=True)
class Chunks:
    """What a PNG file consists of.

    Attributes:
        header: checked.
        palette: red, green and blue of every colour; empty if there is none.
        side: body of side chunks with a right check value, by type.
        still: where the compressed pixels of the default picture lie.
        frame: of the first picture of an animation whose default picture is not part of it.
        frame_spans: where its compressed pixels lie.
        is_cut: whether the file ends before its last chunk does.
    """

    header: Header
    palette: bytes = b""
    side: dict[bytes, bytes] = field(default_factory=dict)
    still: list[Span] = field(default_factory=list)
    frame: Frame | None = None
    frame_spans: list[Span] = field(default_factory=list)
    is_cut: bool = True

    @property
    def is_animated(self) -> bool:
        """Whether the file says that it has several pictures."""
        return len(count := self.side.get(b"acTL", b"")) == 8 and struct.unpack_from(">I", count)[0] > 1


def read_chunks(data: bytes) -> Chunks:
    """Walk a file from its signature to its end.

    Raises:
        ValueError: if a chunk that the picture needs is damaged or missing.
    """
    view = memoryview(data)
    found: Chunks | None = None
    place, frames, frame_is_whole = len(SIGNATURE), 0, True
    for _ in range(MAX_CHUNKS):
        if place + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, place)
        start, end = place + 8, min(len(data), place + 8 + length)
        is_whole = end + 4 <= len(data) and end - place - 8 == length
        body = view[start:end]
        place = start + length + 4
        if found is None:
            found = Chunks(_header(kind, body, is_whole and _is_right(data, kind, body, end)))
        elif not kind.isalpha():
            raise ValueError("a chunk has no name")
        elif kind == b"IEND":
            found.is_cut = False
            break
        elif kind == b"IDAT":
            _require(not is_whole or _is_right(data, kind, body, end), kind)
            found.still.append((start, end))
        elif kind == b"fcTL":
            frames += 1
            if frames == 1 and not found.still:
                frame_is_whole = False  # The default picture is the first one.
            elif frames == 1 and is_whole and _is_right(data, kind, body, end):
                found.frame = _frame(body, found.header)
        elif kind == b"fdAT":
            if frames == 1 and found.frame and length >= 4:
                frame_is_whole &= not is_whole or _is_right(data, kind, body, end)
                found.frame_spans.append((start + 4, end))
        elif kind == b"PLTE":
            _require(is_whole and _is_right(data, kind, body, end) and length % 3 == 0, kind)
            found.palette = bytes(body[: 3 * 256])
        elif kind in _SIDE:
            if is_whole and kind not in found.side and _is_right(data, kind, body, end):
                found.side[kind] = bytes(body)
        elif not kind[0] & 0x20:
            raise ValueError(f"the chunk {kind.decode('ascii')} is not known")
    if found is None or not found.still:
        raise ValueError("there are no pixels in it")
    if found.header.colour == PALETTE and not found.palette:
        raise ValueError("the palette is missing")
    if not (frame_is_whole and found.frame_spans and b"acTL" in found.side):
        found.frame = None
    return found


def profile_in(body: bytes) -> bytes | None:
    """The profile of a chunk iCCP, unpacked; None if it is damaged or absurdly large."""
    name, _, packed = body.partition(b"\0")
    if not 1 <= len(name) <= 79 or packed[:1] != b"\0":
        return None
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if unpacker.eof else None


def _header(kind: bytes, body: memoryview, is_right: bool) -> Header:
    if kind != b"IHDR" or len(body) != 13 or not is_right:
        raise ValueError("the header is damaged")
    header = Header(*struct.unpack(">IIBBBBB", body))
    if header.depth not in _DEPTHS.get(header.colour, ()) or header.compression or header.filtering:
        raise ValueError("the header names a kind of pixels that does not exist")
    if header.interlaced > 1:
        raise ValueError("the header names an order of pixels that does not exist")
    return header


def _frame(body: memoryview, header: Header) -> Frame | None:
    """The place of an animation's picture, or None if it does not lie within the whole."""
    if len(body) != 26:
        return None
    frame = Frame(*struct.unpack_from(">IIII", body, 4))
    is_inside = frame.left + frame.width <= header.width and frame.top + frame.height <= header.height
    return frame if is_inside and frame.width and frame.height else None


def _is_right(data: bytes, kind: bytes, body: memoryview, end: int) -> bool:
    """Whether the check value after a chunk's body is that of its name and body."""
    return struct.unpack_from(">I", data, end)[0] == zlib.crc32(body, zlib.crc32(kind))


def _require(is_right: bool, kind: bytes) -> None:
    if not is_right:
        raise ValueError(f"the chunk {kind.decode('ascii')} is damaged")
