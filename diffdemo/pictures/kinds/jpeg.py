"""JPEG (ITU-T T.81): what stands before the pixels is read here, and Pillow sees what it needs for the pixels only."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field

from PIL import JpegImagePlugin

from diffdemo.images import fitted_size
from diffdemo.pictures.colours.colour import MAX_PROFILE_BYTES
from diffdemo.pictures.compose import FIRST_ONLY, GAIN_MAP
from diffdemo.pictures.kinds.exif import orientation_of
from diffdemo.pictures.limits import MAX_DRAFT_FACTOR, Order
from diffdemo.pictures.opened import raster_of
from diffdemo.pictures.raster import Raster

MAX_SCANS = 100
"""Encoders use about ten; each one is a walk over the whole picture, however few bytes it has."""
_DRAFT_GAP = 1.5
"""A draft has at least so many times the wanted width and height, so that the last step of scaling stays a fine one."""
_START, _END, _SCAN, _PROGRESSIVE = 0xD8, 0xD9, 0xDA, 0xC2
_JFIF, _EXIF_XMP, _PROFILE, _ADOBE, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_ICC_PREFIX, _MPF_PREFIX, _ISO_GAIN_MAP = b"ICC_PROFILE\0", b"MPF\0", b"urn:iso:std:iso:ts:21496:-1\0"
_XMP_PREFIX = b"http://ns.adobe.com/xap/1.0/\0"


@dataclass(slots=True)
class Jpeg:
    """What a JPEG file consists of.

    Attributes:
        bare: the file without application segments, but for those that say what its channels mean.
        profile_parts: of the ICC profile, by their number.
        is_progressive: whether the whole picture has to be held in memory as coefficients.
        is_multiple: whether there are more pictures behind it (CIPA DC-007).
        has_gain_map: whether one of them is a gain map (Adobe, Apple, ISO 21496-1).
    """

    bare: bytes = b""
    exif: bytes = b""
    profile_parts: dict[int, bytes] = field(default_factory=dict)
    is_progressive: bool = False
    is_multiple: bool = False
    has_gain_map: bool = False

    @property
    def profile(self) -> bytes | None:
        """The ICC profile, if all of its parts are there."""
        numbers = sorted(self.profile_parts)
        if not numbers or numbers != list(range(1, len(numbers) + 1)):
            return None
        profile = b"".join(self.profile_parts[number] for number in numbers)
        return profile if len(profile) <= MAX_PROFILE_BYTES else None


def read_jpeg(data: bytes, order: Order) -> Raster:
    """Open a JPEG file; its pixels are unpacked when the strips are taken, at a fraction of its size if that will do.

    Raises:
        ImageError: if it has too many pixels.
        ValueError: if its segments are damaged.
    """
    parts = split(data)
    opened = JpegImagePlugin.JpegImageFile(io.BytesIO(parts.bare))
    width, height = opened.size
    if order.most_pixels is not None:
        order.admit(width, height, 1 if parts.is_progressive else MAX_DRAFT_FACTOR)
        wanted = fitted_size(width, height, order.most_pixels)
        if wanted != (width, height):
            opened.draft(opened.mode, (round(_DRAFT_GAP * wanted[0]), round(_DRAFT_GAP * wanted[1])))
    order.admit(*opened.size)
    notes = [GAIN_MAP] if parts.has_gain_map else [FIRST_ONLY] if parts.is_multiple else []
    raster = raster_of(opened, notes, orientation=orientation_of(parts.exif), profile=parts.profile)
    raster.file_size = width, height
    return raster


def split(data: bytes) -> Jpeg:
    """Walk the segments before the first scan.

    Raises:
        ValueError: if there is no scan, or there are more than `MAX_SCANS`.
    """
    found, kept = Jpeg(), [data[:2]]
    place = 2
    while True:
        if data[place : place + 1] != b"\xff" or place + 4 > len(data):
            raise ValueError("its segments do not lead to a picture")
        marker = data[place + 1]
        if marker == 0xFF:  # Fill bytes may stand before a marker.
            place += 1
            continue
        if marker == _SCAN:
            break
        (length,) = struct.unpack_from(">H", data, place + 2)
        segment = data[place : place + 2 + length]
        if _is_kept(marker, segment[4:], found):
            kept.append(segment)
        found.is_progressive |= marker == _PROGRESSIVE
        place += 2 + length
    if data.count(b"\xff\xda", place) > MAX_SCANS:
        raise ValueError(f"it has more than {MAX_SCANS} scans")
    found.has_gain_map |= found.is_multiple and (
        data.find(b"hdrgm:", place) >= 0 or data.find(b"hdrgainmap", place) >= 0 or data.find(_ISO_GAIN_MAP, place) >= 0
    )
    found.bare = b"".join(kept) + data[place:]
    return found


def _is_kept(marker: int, body: bytes, found: Jpeg) -> bool:
    """Note what a segment says, and whether Pillow needs it for the pixels."""
    if marker == _EXIF_XMP:
        if body.startswith(b"Exif\0\0") and not found.exif:
            found.exif = body
        found.has_gain_map |= body.startswith(_XMP_PREFIX) and b"hdrgm:Version" in body
    elif marker == _PROFILE:
        if body.startswith(_ICC_PREFIX) and len(body) > len(_ICC_PREFIX) + 2:
            found.profile_parts.setdefault(body[len(_ICC_PREFIX)], body[len(_ICC_PREFIX) + 2 :])
        found.is_multiple |= body.startswith(_MPF_PREFIX)
        found.has_gain_map |= body.startswith(_ISO_GAIN_MAP)
    return not (_JFIF < marker <= 0xEF or marker == _COMMENT) or marker == _ADOBE
