"""Decoded pictures beside recorded ones."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from diffdemo.codecs.base import Codec, Rendering
from diffdemo.images import Pixels, to_pixels
from tests.golden.cases import FOLDER

MAX_MEAN_DIFFERENCE = 0.02
"""In grey levels. Processors differ in the last digits of a float, which moves a value over a rounding edge now and
then; a constant of the format moves them all."""
MAX_DIFFERENCE = 2


def decoded(codec: Codec, data: bytes, rendering: Rendering) -> Pixels:
    """The last picture of a decode, uint8 [H,W,3]."""
    *_, last = codec.decode(data, rendering)
    assert torch.isfinite(last.image).all()
    return to_pixels(last.image)


def recorded(name: str) -> Pixels:
    """The picture that was stored under a name, uint8 [H,W,3]."""
    with Image.open(FOLDER / f"{name}.png") as opened:
        return np.array(opened.convert("RGB"))


def require_same(found: Pixels, expected: Pixels) -> None:
    """Fail unless two pictures are the same but for rounding."""
    assert found.shape == expected.shape
    differences = np.abs(found.astype(int) - expected)
    assert differences.mean() <= MAX_MEAN_DIFFERENCE
    assert differences.max() <= MAX_DIFFERENCE
