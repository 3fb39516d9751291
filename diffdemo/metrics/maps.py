"""Numbers as colours, and how two pictures differ as a picture."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from diffdemo.errors import ImageError
from diffdemo.images import Pixels

COLOURS = np.array([(13, 8, 47), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)], np.float64)
"""Dark to light, in steps that the eye takes for equal; light is much."""
DIFFERENCE_GAIN = 4
"""Differences of a few grey levels are seen by nobody unless they are enlarged."""
ERROR_RADIUS = 2
"""In pixels: errors are averaged over about the area that an eye takes in at once."""
FULL_ERROR = 24.0
"""Root mean square error, in grey levels of 255, that is lightest: a poor picture, 20 dB."""


def coloured(share: NDArray[np.float64]) -> Pixels:
    """Colours of numbers from 0 to 1, [h,w] -> uint8 [h,w,3]; larger ones are as light as 1."""
    place = np.clip(share, 0, 1) * (len(COLOURS) - 1)
    below = np.minimum(place.astype(int), len(COLOURS) - 2)
    between = (place - below)[..., None]
    mixed = COLOURS[below] * (1 - between) + COLOURS[below + 1] * between
    pixels: Pixels = np.rint(mixed).astype(np.uint8)
    return pixels


def difference(original: Pixels, picture: Pixels) -> Pixels:
    """Picture less original, four times enlarged around mid grey, uint8 [H,W,3].

    Raises:
        ImageError: if their sizes differ.
    """
    _require_same_size(original, picture)
    change = picture.astype(np.int16) - original.astype(np.int16)
    enlarged: Pixels = np.clip(128 + DIFFERENCE_GAIN * change, 0, 255).astype(np.uint8)
    return enlarged


def error_map(original: Pixels, picture: Pixels) -> Pixels:
    """Where a picture is wrong, as colours, uint8 [H,W,3]: the root mean square error around each pixel.

    Raises:
        ImageError: if their sizes differ.
    """
    _require_same_size(original, picture)
    square = np.square(picture.astype(np.float32) - original.astype(np.float32)).mean(axis=2)
    around = functional.avg_pool2d(
        torch.from_numpy(square)[None, None], 2 * ERROR_RADIUS + 1, 1, ERROR_RADIUS, count_include_pad=False
    )
    return coloured(around[0, 0].double().sqrt().numpy() / FULL_ERROR)


def _require_same_size(original: Pixels, picture: Pixels) -> None:
    if original.shape != picture.shape:
        raise ImageError(
            f"Pictures of {original.shape[1]} x {original.shape[0]} and {picture.shape[1]} x {picture.shape[0]} pixels "
            "cannot be compared."
        )
