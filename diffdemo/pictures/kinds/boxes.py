"""Boxes of AVIF and HEIC files (ISO/IEC 14496-12, 23008-12): what the decoders do not tell about a picture."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

MAX_BOXES = 10_000
_FULL = 4
"""Bytes of version and flags at the beginning of some boxes."""
_GAIN_MAPS = (b"urn:com:apple:photo:2020:aux:hdrgainmap", b"urn:com:apple:photo:2022:aux:hdrgainmap")


class Numbers(NamedTuple):
    """A picture's colours by code points of ITU-T H.273."""

    primaries: int
    transfer: int


class Box(NamedTuple):
    """A box: its type, and where its body lies."""

    kind: bytes
    start: int
    end: int


def brands_of(data: bytes) -> set[bytes]:
    """The major and all compatible brands; empty for other files."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(len(data), int.from_bytes(data[:4], "big"), 4096)
    return {data[place : place + 4] for place in (8, *range(16, end - 3, 4))}


def colour_numbers(data: bytes) -> Numbers | None:
    """Those of the primary picture, if the file names any.

    A file that is damaged here is none of this function's business: it returns None.
    """
    try:
        return _colour_numbers(data)
    except (struct.error, IndexError):
        return None


def has_gain_map(data: bytes) -> bool:
    """Whether a gain map for high dynamic range comes along (Apple's, or a `tmap` item of ISO 21496-1)."""
    meta, items = _at(data, b"meta"), _at(data, b"meta", b"iinf")
    return any(meta and data.find(name, meta.start, meta.end) >= 0 for name in _GAIN_MAPS) or bool(
        items and data.find(b"tmap", items.start, items.end) >= 0
    )


def without_exif(data: bytes) -> bytes:
    """A copy of a file whose EXIF item is made unrecognisable: which way is up is said by other boxes."""
    items = _at(data, b"meta", b"iinf")
    if not items:
        return data
    renamed = data[items.start : items.end].replace(b"Exif", b"free")
    return data[: items.start] + renamed + data[items.end :]


def boxes(data: bytes, within: Box) -> Iterator[Box]:
    """The boxes in another one; stops at what is no box, and after `MAX_BOXES`."""
    place = within.start
    for _ in range(MAX_BOXES):
        if place + 8 > within.end:
            return
        size, kind = struct.unpack_from(">I4s", data, place)
        head = 8
        if size == 1 and place + 16 <= within.end:
            (size,) = struct.unpack_from(">Q", data, place + 8)
            head = 16
        end = within.end if size == 0 else place + size
        if size and size < head:
            return
        yield Box(kind, place + head, min(end, within.end))
        place = end


def _colour_numbers(data: bytes) -> Numbers | None:
    properties, container = _at(data, b"meta", b"iprp"), _at(data, b"meta", b"iprp", b"ipco")
    if not (properties and container):
        return None
    listed = list(boxes(data, container))
    primary = _at(data, b"meta", b"pitm")
    chosen = _belonging(data, properties, _item(data, primary)) if primary else None
    for number in chosen if chosen is not None else range(1, len(listed) + 1):
        box = listed[number - 1] if 1 <= number <= len(listed) else None
        if box and box.kind == b"colr" and data[box.start : box.start + 4] == b"nclx":
            return Numbers(*struct.unpack_from(">HH", data, box.start + 4))
    return None


def _item(data: bytes, primary: Box) -> int:
    """Number of the primary item."""
    return int(struct.unpack_from(">I" if data[primary.start] else ">H", data, primary.start + _FULL)[0])


def _belonging(data: bytes, properties: Box, item: int) -> list[int] | None:
    """Numbers of an item's properties, from 1; None if the file does not say."""
    for box in boxes(data, properties):
        if box.kind != b"ipma":
            continue
        is_wide, is_long = data[box.start] > 0, data[box.start + 3] & 1
        (count,) = struct.unpack_from(">I", data, box.start + _FULL)
        place = box.start + _FULL + 4
        for _ in range(min(count, MAX_BOXES)):
            number = struct.unpack_from(">I" if is_wide else ">H", data, place)[0]
            place += 4 if is_wide else 2
            each, total = (2 if is_long else 1), data[place]
            found = struct.unpack_from(f">{total}{'H' if is_long else 'B'}", data, place + 1)
            place += 1 + each * total
            if number == item:
                return [value & (0x7FFF if is_long else 0x7F) for value in found]
    return None


def _at(data: bytes, *path: bytes) -> Box | None:
    """The box that a path of types leads to, of several the first; of `meta`, what follows version and flags."""
    box = Box(b"", 0, len(data))
    for kind in path:
        found = next((each for each in boxes(data, box) if each.kind == kind), None)
        if found is None:
            return None
        box = found._replace(start=found.start + _FULL) if kind == b"meta" else found
    return box
