"""Files of pictures, ordinary ones and such as no program writes."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def file_of(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of_16_bit_rgb(values: np.ndarray) -> bytes:
    """A PNG that Pillow can read and not write: uint16 [H,W,3]."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(rows)), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def png_with(png: bytes, *chunks: bytes) -> bytes:
    """A PNG with more chunks (of `png_chunk`) behind its header."""
    return png[:33] + b"".join(chunks) + png[33:]


def png_of_samples(samples: np.ndarray, depth: int, colour: int, *chunks: bytes, filtering: int = 0) -> bytes:
    """A PNG of any depth and colour type, as Pillow does not write it.

    Args:
        samples: [H,W,C], as they are stored.
        depth: bits in a sample.
        colour: PNG's number for the kind of pixels: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
        chunks: to stand before the pixels.
        filtering: of every row: 0 none, 1 "sub".
    """
    height, width, channels = samples.shape
    if depth == 16:
        rows = samples.astype(">u2").view(np.uint8).reshape(height, -1)
    else:
        bits = (samples.astype(np.uint8).reshape(height, -1, 1) >> np.arange(depth - 1, -1, -1, dtype=np.uint8)) & 1
        rows = np.packbits(bits.reshape(height, -1), axis=1)
    if filtering == 1:
        step = max(1, channels * depth // 8)
        left = np.concatenate([np.zeros((height, step), np.uint8), rows[:, :-step]], axis=1)
        rows = rows - left
    packed = zlib.compress(np.concatenate([np.full((height, 1), filtering, np.uint8), rows], axis=1).tobytes())
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = b"".join(chunks) + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + body


def jpeg_with(jpeg: bytes, marker: int, body: bytes) -> bytes:
    """A JPEG with one more segment at its beginning."""
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def png_that_claims(width: int, height: int) -> bytes:
    """A tiny PNG with a header of any size and hardly any pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    chunks = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", pixels), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def write_fields(folder: Path, grain: int) -> Path:
    """Sixty pictures of 128x128 from `grain` x `grain` random colours: enough names for some to be held out."""
    random = np.random.default_rng(0)
    for number in range(60):
        small = random.integers(0, 256, (grain, grain, 3)).astype(np.uint8)
        Image.fromarray(small).resize((128, 128), Image.Resampling.BICUBIC).save(folder / f"field{number}.png")
    return folder
