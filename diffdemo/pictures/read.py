"""Files to pixels: uint8 [H,W,3], sRGB-encoded RGB."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from diffdemo.errors import ImageError
from diffdemo.images import Pixels
from diffdemo.pictures.compose import ENDS_EARLY, FIRST_ONLY
from diffdemo.pictures.formats import Kind, kind_of, readable_formats
from diffdemo.pictures.limits import Order, turn_of
from diffdemo.pictures.opened import raster_of
from diffdemo.pictures.raster import Raster, collect, upright
from diffdemo.pictures.source import name_of, read_source


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as read from a file.

    Attributes:
        pixels: uint8 [H,W,3], perhaps smaller than the file's picture.
        notes: what was changed on the way, in sentences for the user; empty for a plain RGB picture. That the picture
            was made smaller is not among them.
        width: of the picture in the file, upright, in pixels.
        height: of the picture in the file, upright, in pixels.
    """

    pixels: Pixels
    notes: tuple[str, ...]
    width: int
    height: int

    @property
    def is_reduced(self) -> bool:
        """Whether `pixels` are smaller than the picture in the file."""
        return self.pixels.shape[:2] != (self.height, self.width)


def load_picture(source: Path | str | bytes, *, most_pixels: int | None = None) -> Picture:
    """Read a picture as its author meant it to be seen.

    Orientation is applied, transparency is composited on white, colour profiles are converted to sRGB, the first frame
    of an animation is taken, high dynamic range and numbers of every type are brought to 8 bits.

    Args:
        source: path of a file, or the bytes of one, of a kind in `readable_formats`.
        most_pixels: a larger picture is made smaller while it is read, as `diffdemo.images.fit_pixels` would do it
            afterwards, in a fraction of the memory. None for every picture at its own size.

    Raises:
        ImageError: if it is not a picture, is damaged, or is too large.
    """
    data, name = read_source(source), name_of(source)
    kind = kind_of(data)
    if kind is None:
        raise ImageError(f"{name} is not a picture that can be read here. {readable_formats()} work.")
    order = Order(name, most_pixels)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read(kind, data, order)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} has too many pixels. Please make it smaller first.") from error
    except Exception as error:  # Every decoder raises what it likes: OSError, RuntimeError, struct.error ...
        raise ImageError(f"{name} is damaged or incomplete: {_reason(error)}.") from error


def to_picture(opened: Image.Image) -> Picture:
    """What `load_picture` does, for a picture that Pillow has already opened.

    Raises:
        ImageError: if its pixels cannot be read, or there are too many.
    """
    order = Order("The picture")
    order.admit(*opened.size)
    try:
        opened.load()
        notes = [FIRST_ONLY] if getattr(opened, "is_animated", False) else []
        profile = opened.info.get("icc_profile")
        return _finished(raster_of(opened, notes, orientation=_orientation(opened), profile=profile), order)
    except Exception as error:
        raise ImageError(f"The picture is damaged or incomplete: {_reason(error)}.") from error


def _read(kind: Kind, data: bytes, order: Order) -> Picture:
    """Read a file; one that ends a few bytes early is read if none of its pixels is missing."""
    try:
        return _finished(kind.read(data, order), order)
    except ImageError:
        raise
    except Exception:
        picture = _mended(kind, data, order)
        if picture is None:
            raise
        return picture


def _mended(kind: Kind, data: bytes, order: Order) -> Picture | None:
    """The picture if it is the same whatever the missing bytes may be, else None."""
    found: Picture | None = None
    try:
        for completed in kind.completed(data):
            picture = _finished(kind.read(completed, order), order)
            if found is not None and not np.array_equal(found.pixels, picture.pixels):
                return None
            found = picture
    except Exception:
        return None
    if found is None:
        return None
    notes = tuple(dict.fromkeys((*found.notes, ENDS_EARLY)))
    return Picture(found.pixels, notes, found.width, found.height)


def _finished(raster: Raster, order: Order) -> Picture:
    """Take all strips and turn the picture upright."""
    with turn_of(raster.width, raster.height):
        pixels = upright(collect(raster, order.most_pixels), raster.orientation)
    width, height = raster.file_size or (raster.width, raster.height)
    if raster.orientation >= 5:
        width, height = height, width
    return Picture(pixels, tuple(dict.fromkeys(raster.notes)), width, height)


def _orientation(opened: Image.Image) -> int:
    """Which way is up, of a picture that may have been opened or made by anybody."""
    try:
        value = opened.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow parses all of EXIF for it, and raises whatever is wrong there.
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _reason(error: Exception) -> str:
    """What a decoder says, in one line without its full stop."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
