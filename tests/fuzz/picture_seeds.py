"""Small files of seven formats, each in several of its kinds: what changed files are made from."""

from __future__ import annotations

import functools
import io
import zlib

import numpy as np
from PIL import Image, ImageCms

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _picture(mode: str = "RGB", size: tuple[int, int] = (29, 23)) -> Image.Image:
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    pixels = np.stack([9 * x % 256, 11 * y % 256, 7 * (x + y) % 256], axis=2).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x0132] = 6, "a camera", "2020:01:01 00:00:00"
    exif.get_ifd(0x8769)[0xA001] = 1
    return exif


@functools.cache
def picture_seeds() -> dict[str, tuple[bytes, ...]]:
    """Format -> files."""
    plain, grey, clear = _picture(), _picture("L"), _picture("RGBA")
    clear.putalpha(grey)
    deep = Image.fromarray(np.linspace(0, 65535, 29 * 23).reshape(23, 29).astype(np.uint16))
    real = Image.fromarray(np.linspace(-1, 2, 29 * 23).reshape(23, 29).astype(np.float32))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    told = {"exif": _exif().tobytes(), "icc_profile": profile}
    moving = {"save_all": True, "append_images": [_picture().rotate(90), _picture().rotate(180)], "duration": 50}
    indexed = plain.quantize(16)
    return {
        "PNG": (
            _saved(plain, "PNG", **told),
            _saved(clear, "PNG"),
            _saved(indexed, "PNG", transparency=3),
            _saved(deep, "PNG"),
            _saved(grey.convert("1"), "PNG"),
            _saved(plain, "PNG", **moving),
        ),
        "JPEG": (
            _saved(plain, "JPEG", **told),
            _saved(plain, "JPEG", progressive=True, subsampling=2, quality=30),
            _saved(grey, "JPEG", quality=95),
            _saved(plain.convert("CMYK"), "JPEG"),
        ),
        "WEBP": (
            _saved(plain, "WEBP", **told),
            _saved(clear, "WEBP", lossless=True),
            _saved(plain, "WEBP", **moving),
        ),
        "AVIF": (
            _saved(plain, "AVIF", **told),
            _saved(clear, "AVIF", quality=90),
            _saved(plain, "AVIF", **moving),
        ),
        "TIFF": (
            _saved(plain, "TIFF"),
            _saved(plain, "TIFF", compression="tiff_lzw", icc_profile=profile),
            _saved(clear, "TIFF", compression="tiff_adobe_deflate"),
            _saved(grey.convert("1"), "TIFF", compression="group4"),
            _saved(plain, "TIFF", compression="jpeg"),
            _saved(deep, "TIFF"),
            _saved(real, "TIFF"),
            _saved(plain.convert("LAB"), "TIFF"),
            _saved(plain, "TIFF", save_all=True, append_images=[_picture("L")]),
        ),
        "BMP": (_saved(plain, "BMP"), _saved(indexed, "BMP"), _saved(grey.convert("1"), "BMP"), _saved(clear, "BMP")),
        "GIF": (_saved(indexed, "GIF"), _saved(indexed, "GIF", transparency=2), _saved(plain, "GIF", **moving)),
    }


def resealed(data: bytes) -> bytes:
    """A PNG whose chunks have right check values, so that a change in one is not found by that."""
    out, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        end = at + 8 + min(int.from_bytes(data[at : at + 4], "big"), len(data) - at - 12)
        out += data[at:end] + zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(out) + data[at:]
