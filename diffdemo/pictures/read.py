"""Files to pixels: uint8 [H,W,3], sRGB-encoded RGB."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from diffdemo.errors import ImageError
from diffdemo.images import Pixels

FILE_FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF")
"""What uploads may be. Pillow reads more, and not all of its other readers are made for files from strangers."""
MOST_FILE_PIXELS = 100_000_000
"""Pictures beyond this are refused before their pixels are unpacked."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as read from a file.

    Attributes:
        pixels: uint8 [H,W,3].
        notes: what was changed on the way, in sentences for the user; empty for a plain RGB picture.
    """

    pixels: Pixels
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """In pixels."""
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        """In pixels."""
        return self.pixels.shape[0]


def load_picture(source: Path | str | bytes) -> Picture:
    """Read a picture as its author meant it to be seen.

    Orientation is applied, transparency is composited on white, colour profiles are converted to sRGB, the first frame
    of an animation is taken, 16 bits become 8.

    Args:
        source: path of a file, or the bytes of one, in one of `FILE_FORMATS`.

    Raises:
        ImageError: if it is not a picture, is damaged, or has more than `MOST_FILE_PIXELS` pixels.
    """
    name = "The upload" if isinstance(source, bytes) else f"'{Path(source).name}'"
    try:
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        raise ImageError(f"Cannot read {name}: {error.strerror or error}.") from error
    if not data:
        raise ImageError(f"{name} is empty (0 bytes).")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            opened = Image.open(io.BytesIO(data), formats=FILE_FORMATS)
            if opened.width * opened.height > MOST_FILE_PIXELS:
                raise ImageError(
                    f"{name} has {opened.width} x {opened.height} pixels; at most {MOST_FILE_PIXELS:,} can be read. "
                    "Please make it smaller first."
                )
            opened.load()
            return to_picture(opened)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not a picture that can be read here. PNG, JPEG, WebP, AVIF, TIFF, BMP and GIF work."
        ) from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} has too many pixels; at most {MOST_FILE_PIXELS:,} can be read.") from error
    except Exception as error:  # Every decoder raises what it likes: OSError, RuntimeError, struct.error ...
        raise ImageError(f"{name} is damaged or incomplete: {error}.") from error


def to_picture(opened: Image.Image) -> Picture:
    """What `load_picture` does, for a picture that Pillow has already opened."""
    notes = []
    if getattr(opened, "n_frames", 1) > 1:
        notes.append("Only the first picture in the file is used.")
    upright = ImageOps.exif_transpose(opened)
    if opened.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9):
        notes.append("Turned upright as the camera recorded it.")
    profile = opened.info.get("icc_profile")
    if upright.mode.startswith("I") or upright.mode == "F":
        upright = _to_eight_bits(upright)
        notes.append("Reduced from 16 to 8 bits a channel.")
    if upright.mode == "P":
        upright = upright.convert("RGBA" if "transparency" in upright.info else "RGB")
    elif upright.mode == "PA" or (upright.mode in ("L", "RGB", "1") and "transparency" in upright.info):
        upright = upright.convert("RGBA")
    elif upright.mode in ("La", "RGBa"):
        upright = upright.convert(upright.mode.upper())
    alpha = upright.getchannel("A") if upright.mode in ("RGBA", "LA") else None
    if profile and upright.mode in ("RGB", "RGBA", "CMYK", "L"):
        upright = _to_srgb(upright, profile)
    if alpha is not None and alpha.getextrema() != (255, 255):
        backdrop = Image.new("RGB", upright.size, (255, 255, 255))
        backdrop.paste(upright.convert("RGB"), mask=alpha)
        upright = backdrop
        notes.append("Transparent areas are shown on white.")
    if upright.mode == "CMYK":
        notes.append("Converted from CMYK to RGB.")
    elif upright.mode in ("L", "1", "LA"):
        notes.append("A grey picture: coded as colour with equal channels.")
    return Picture(np.array(upright.convert("RGB"), dtype=np.uint8), tuple(notes))


def _to_eight_bits(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture, dtype=np.float32)
    top = 1 if picture.mode == "F" and values.max(initial=0) <= 1 else 65535
    return Image.fromarray(np.clip(values * np.float32(255 / top) + 0.5, 0, 255).astype(np.uint8))


def _to_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Convert by the embedded profile; a broken profile is ignored, as viewers do."""
    colours = picture.convert("RGB") if picture.mode == "RGBA" else picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
    return picture if converted is None else converted
