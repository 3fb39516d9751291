"""Light apart from colour: what measures of how a picture looks are about."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from diffdemo.images import Pixels

_RGB_TO_YCBCR = torch.tensor(
    [
        [0.299, 0.587, 0.114],
        [-0.168736, -0.331264, 0.5],
        [0.5, -0.418688, -0.081312],
    ]
)
"""Full range, as in JPEG files (ITU-T T.871)."""


def luma_chroma(pixels: Pixels) -> Tensor:
    """Luma and two chroma planes of a picture, uint8 [H,W,3], sRGB.

    Returns:
        float32 [3,H,W]: Y, Cb, Cr in 8-bit levels, chroma around 0.
    """
    rgb = torch.from_numpy(np.ascontiguousarray(pixels)).float()
    return torch.einsum("ck,hwk->chw", _RGB_TO_YCBCR, rgb)
