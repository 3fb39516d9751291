"""AVIF by Pillow, HEIC by pillow-heif where that is installed."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator
from functools import cache
from types import ModuleType

import numpy as np
from PIL import AvifImagePlugin

from diffdemo.errors import ImageError
from diffdemo.images import Pixels
from diffdemo.pictures.colours.colour import HDR_NOTE, Conversion, Samples, by_numbers, by_profile, is_hdr
from diffdemo.pictures.compose import FIRST_ONLY, GAIN_MAP, on_white
from diffdemo.pictures.kinds.boxes import colour_numbers, has_gain_map, without_exif
from diffdemo.pictures.kinds.exif import orientation_of
from diffdemo.pictures.limits import COSTLY_FACTOR, Order
from diffdemo.pictures.opened import raster_of
from diffdemo.pictures.raster import Raster, row_ranges

AVIF_BRANDS = {b"avif", b"avis"}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_VIDEO = {(1, 1), (1, 6)}
"""Primaries and transfer that encoders write by habit, from video: viewers show such pictures as sRGB."""


def read_avif(data: bytes, order: Order) -> Raster:
    """Open an AVIF file; its pixels are unpacked when the strips are taken.

    Raises:
        ImageError: if it has too many pixels.
        ValueError: if it is damaged.
    """
    opened = AvifImagePlugin.AvifImageFile(io.BytesIO(without_exif(data)))
    order.admit(*opened.size, COSTLY_FACTOR)
    notes = [FIRST_ONLY] if getattr(opened, "n_frames", 1) > 1 else []
    profile = opened.info.get("icc_profile")
    channels = 1 if opened.mode.startswith("L") else 3
    orientation = orientation_of(opened.info.get("exif", b""))  # Pillow's, made of how the container turns it.
    return raster_of(opened, notes, orientation=orientation, convert=_conversion(data, profile, channels, notes))


def read_heic(data: bytes, order: Order) -> Raster:
    """Open a HEIC file; its pixels are unpacked when the strips are taken.

    Its decoder turns it as the container says; what EXIF says of that has been dealt with, then.

    Raises:
        ImageError: if pillow-heif is missing, or the picture has too many pixels.
        ValueError: if it is damaged.
    """
    library = heif_library()
    if library is None:
        raise ImageError(
            f"{order.name} is a HEIC picture, as phones write them. To read it, pillow-heif has to be installed "
            "(`pip install pillow-heif`); or save it as JPEG or PNG first."
        )
    opened = library.HeifFile(io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=True)
    primary = opened[opened.primary_index]
    order.admit(*primary.size)
    notes = [FIRST_ONLY] if len(opened) > 1 else []
    has_alpha = primary.has_alpha
    is_grey = primary.mode.startswith("L") or primary.mode.startswith("I")
    convert = _conversion(data, primary.info.get("icc_profile"), 1 if is_grey else 3, notes)

    def strips() -> Iterator[Pixels]:
        samples = np.asarray(primary)
        samples = samples.reshape(*samples.shape[:2], -1)
        bits = int(primary.info["bit_depth"])
        if samples.dtype != np.uint8:
            notes.append(f"Reduced from {bits} to 8 bits a channel.")
        ranges = row_ranges(samples.shape[1], samples.shape[0])
        parts = (_full_range(samples[first:last], bits) for first, last in ranges)
        yield from on_white(parts, notes, has_alpha=has_alpha, convert=convert)

    width, height = primary.size
    return Raster(width, height, strips(), notes)


def _full_range(samples: Samples, bits: int) -> Samples:
    """Values of 10 or 12 bits come shifted to the top of 16; this way the largest one is 65535."""
    return samples if samples.dtype == np.uint8 else samples | samples >> np.uint16(bits)


@cache
def heif_library() -> ModuleType | None:
    """The package pillow-heif, or None where it is not installed."""
    try:
        return importlib.import_module("pillow_heif")
    except ImportError:
        return None


def _conversion(data: bytes, profile: bytes | None, channels: int, notes: list[str]) -> Conversion | None:
    """How colours become sRGB: by numbers if they are of high dynamic range, else by profile, else by numbers."""
    numbers = colour_numbers(data)
    if has_gain_map(data):
        notes.append(GAIN_MAP)
    if numbers and is_hdr(numbers.transfer):
        notes.append(HDR_NOTE)
        return by_numbers(*numbers)
    if profile:
        return by_profile(profile, channels)
    if numbers is None or numbers in _VIDEO:
        return None
    convert = by_numbers(*numbers)
    if convert:
        notes.append("Converted to sRGB from the colours that the file names by number.")
    return convert
