"""Pixels: what a codec takes and gives, as tensors and as lossless files.

`pixels` are uint8 [H,W,3]; an `image` is float32 [1,3,H,W] with values in [-1, 1]. Both are sRGB-encoded RGB.
"""

from __future__ import annotations

import functools
import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from diffdemo.errors import ImageError

Pixels = NDArray[np.uint8]

MAX_PIXELS = 1 << 22
"""What one encode may hold: 4,194,304 pixels need about 2 GiB while the network runs."""
MAX_SIDE = 65_535
"""What a header can say: 16 bits for each side.

It bounds the memory of thin pictures too: networks mirror a picture until its sides are multiples of 64, and with this
limit no picture of up to `MAX_PIXELS` has more than twice as many after that.
"""


def fitted_size(width: int, height: int, most: int) -> tuple[int, int]:
    """Width and height of a picture with at most `most` pixels and sides up to `MAX_SIDE`, its shape kept."""
    if width * height <= most and max(width, height) <= MAX_SIDE:
        return width, height
    scale = min((most / (width * height)) ** 0.5, MAX_SIDE / max(width, height))
    # A side that would vanish stays at one pixel; the other one must then not exceed `most` by itself.
    return max(1, min(most, int(width * scale))), max(1, min(most, int(height * scale)))


def fit_pixels(pixels: Pixels, most: int) -> Pixels:
    """Scale a picture to its `fitted_size` (Lanczos); one that is small enough is returned as it is."""
    height, width = pixels.shape[:2]
    size = fitted_size(width, height, most)
    if size == (width, height):
        return pixels
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def require_pixels(pixels: Pixels) -> None:
    """Check what every codec expects.

    Raises:
        ImageError: if it is not uint8 [H,W,3], is empty, has more than `MAX_PIXELS` pixels, or a side above
            `MAX_SIDE`.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ImageError(f"Pixels are {pixels.dtype} {list(pixels.shape)}; expected uint8 [height, width, 3].")
    height, width = pixels.shape[:2]
    if height == 0 or width == 0:
        raise ImageError(f"The picture is {width} x {height} pixels; there is nothing to compress.")
    if height * width > MAX_PIXELS:
        raise ImageError(
            f"The picture is {width} x {height} = {height * width:,} pixels; at most {MAX_PIXELS:,} can be compressed "
            "at a time. Please make it smaller first."
        )
    if max(height, width) > MAX_SIDE:
        raise ImageError(
            f"The picture is {width} x {height} pixels; each side can be at most {MAX_SIDE:,} pixels long. "
            "Please make it smaller or cut it first."
        )


def to_image(pixels: Pixels) -> Tensor:
    """uint8 [H,W,3] -> float32 [1,3,H,W] in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 127.5 - 1


def to_pixels(image: Tensor) -> Pixels:
    """Image tensor -> uint8 [H,W,3]: the only place where values are clamped and rounded."""
    values = (image[0].float().cpu() + 1) * 127.5
    pixels: Pixels = values.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    return pixels


def to_png(pixels: Pixels) -> bytes:
    """Lossless file of the pixels, at a quick compression level."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=3)
    return out.getvalue()


def padded_pixels(width: int, height: int, multiple: int = 64) -> int:
    """Pixels of a picture whose sides have been filled up to multiples, as deep networks need them."""
    return (-(-width // multiple) * multiple) * (-(-height // multiple) * multiple)


def mirrored(image: Tensor, multiple: int) -> Tensor:
    """An image [B,C,H,W] mirrored to the right and below, as often as needed, until its sides are multiples."""
    for axis in (2, 3):
        if image.shape[axis] % multiple:
            image = image.index_select(axis, _mirror(image.shape[axis], multiple).to(image.device))
    return image


@functools.lru_cache(maxsize=64)
def _mirror(length: int, multiple: int) -> Tensor:
    """Indices 0, 1 ... n-1, n-1, n-2 ... up to a multiple: mirrored as often as a short side needs."""
    padded = -(-length // multiple) * multiple
    period = torch.arange(padded) % (2 * length)
    return torch.minimum(period, 2 * length - 1 - period)
