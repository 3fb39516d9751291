"""Decoded pictures beside recorded ones."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import torch
from PIL import Image

from diffdemo.codecs.base import Codec, Rendering
from diffdemo.diffusion import rough
from diffdemo.images import Pixels, to_pixels
from tests.golden.cases import FOLDER

NETWORK = 0.02
"""Mean difference, in grey levels, that a network may have. Processors differ in the last digits of a float, which
moves a value over a rounding edge now and then; a constant of the format moves them all."""
CLOSED_FORM = 0.001
"""The same for a model of a few operations for each value."""
IN_BFLOAT16 = 0.3
"""The same where a processor computes a decoder's sampler in bfloat16."""
MAX_DIFFERENCE = 2


def decoded(codec: Codec, data: bytes, rendering: Rendering) -> Pixels:
    """The last picture of a decode in float32 throughout, as every processor can compute it, uint8 [H,W,3]."""
    with patch.object(rough, "fast_devices", tuple):
        return decoded_here(codec, data, rendering)


def decoded_here(codec: Codec, data: bytes, rendering: Rendering) -> Pixels:
    """The last picture of a decode as this processor computes it for users, uint8 [H,W,3]."""
    *_, last = codec.decode(data, rendering)
    assert torch.isfinite(last.image).all()
    return to_pixels(last.image)


def recorded(name: str) -> Pixels:
    """The picture that was stored under a name, uint8 [H,W,3]."""
    with Image.open(FOLDER / f"{name}.png") as opened:
        return np.array(opened.convert("RGB"))


def require_same(found: Pixels, expected: Pixels, max_mean: float) -> None:
    """Fail unless two pictures are the same but for rounding, the mean difference being at most `max_mean`."""
    assert found.shape == expected.shape
    differences = np.abs(found.astype(int) - expected)
    assert differences.mean() <= max_mean
    assert differences.max() <= MAX_DIFFERENCE
