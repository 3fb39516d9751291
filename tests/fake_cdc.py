"""A codec like CDC without a network: one JPEG file, whole or not at all, and texture that grows with the steps."""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFilter

from diffdemo.engine.records import FileInfo, Frame
from diffdemo.errors import CorruptBitstream, RateError, TruncatedBitstream
from diffdemo.images import Pixels
from diffdemo.metrics.distortion import bits_per_pixel
from diffdemo.metrics.registry import When, measure, until

MAGIC = b"FCDC"
DECODERS = ("deterministic", "stochastic")
_HEADER = struct.Struct("<4sHHBII")


def encode(pixels: Pixels, most_bytes: int) -> bytes:
    """The best JPEG file that fits, or the coarsest."""
    height, width = pixels.shape[:2]
    for quality in (90, 70, 50, 35, 25, 18, 12, 8, 5, 3, 1):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "jpeg", quality=quality)
        body = out.getvalue()
        if _HEADER.size + len(body) <= most_bytes:
            return _HEADER.pack(MAGIC, width, height, quality, len(body), zlib.crc32(body)) + body
    raise RateError(f"{most_bytes} bytes are too few for this picture: CDC needs {_HEADER.size + len(body)}.")


def decode(
    data: bytes,
    *,
    decoder: str = "deterministic",
    gamma: float = 0.8,
    steps: int | None = None,
    seed: int = 0,
    reference: Pixels | None = None,
) -> Iterator[Frame]:
    """Sharpen, or add noise, a little more in every step."""
    info = describe(data)
    if info.is_cut:
        raise TruncatedBitstream(f"The file ends after {len(data)} of {info.whole_bytes} bytes; fetch it again, whole.")
    if info.is_damaged:
        raise CorruptBitstream("The file is damaged: its check value does not match. Please fetch it again.")
    content = Image.open(io.BytesIO(data[_HEADER.size :]))
    noise = np.random.default_rng(seed).normal(0, 20 * gamma, (info.height, info.width, 3))
    started, last = time.monotonic(), steps or 17
    for step in range(1, last + 1):
        share = (step - 1) / last
        if decoder == "deterministic":
            pixels = np.asarray(content.filter(ImageFilter.UnsharpMask(2, round(150 * share), 0)))
        else:
            pixels = np.clip(np.asarray(content) + share * noise, 0, 255).astype(np.uint8)
        seconds = time.monotonic() - started
        yield Frame(
            pixels=pixels,
            num_bytes=len(data),
            bpp=info.bpp,
            values=measure(reference, pixels, until(When.REST if step == last else When.FRAME)),
            step=step,
            num_steps=last,
            sigma=0.0,
            seconds=seconds,
            seconds_left=seconds * (last - step) / step,
            decoder=decoder,
        )


def describe(data: bytes) -> FileInfo:
    """Parse the header."""
    if len(data) < _HEADER.size:
        raise TruncatedBitstream("The file ends inside its header; there is no picture in it yet.")
    _, width, height, quality, length, checksum = _HEADER.unpack_from(data)
    whole = _HEADER.size + length
    return FileInfo(
        codec="cdc",
        version=1,
        model="fake-cdc",
        fingerprint="0123abcd",
        width=width,
        height=height,
        facts={"preset": None, "seed": None, "prompt": None, "delta": 100 / quality},
        is_embedded=False,
        header_bytes=_HEADER.size,
        num_bytes=len(data),
        whole_bytes=whole,
        bpp=bits_per_pixel(len(data), width, height),
        is_cut=len(data) < whole,
        is_damaged=len(data) >= whole and zlib.crc32(data[_HEADER.size :]) != checksum,
        steps=(),
    )
