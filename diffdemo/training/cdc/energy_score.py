"""A loss that asks for texture instead of its average, without a critic and without downloaded networks.

A decoder trained on squared error returns the mean of all pictures that fit the bits, which is smooth. The energy score
(Gneiting, Raftery 2007, "Strictly proper scoring rules", eq. 21) of two draws a, b from a decoder for a picture x,

    S = (|a - x| + |b - x|) / 2 - |a - b| / 2,

is least in expectation when the draws have the distribution of x given the bits: the first term wants them near, the
second wants them to differ from each other as much as they differ from the truth. It is applied to small blocks of the
bands of a Laplacian pyramid, because texture is a matter of neighbouring pixels at each scale; the norm of a whole
picture would only see the total.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BANDS = 3
"""Of one octave each, the finest first; below them content decides, which bits have paid for."""
BLOCK = 4


def energy_score(first: Tensor, second: Tensor, truth: Tensor) -> Tensor:
    """Mean over bands and blocks, in units of picture values.

    Args:
        first, second: two draws, [B,3,H,W], sides multiples of 16.
        truth: the picture, [B,3,H,W].

    Returns:
        [B], unbiased for the expected score of the distribution that the draws come from.
    """
    scores = torch.zeros(len(truth), device=truth.device)
    for a, b, x in zip(_bands(first), _bands(second), _bands(truth), strict=True):
        near = 0.5 * (_block_norm(a - x) + _block_norm(b - x))
        scores = scores + (near - 0.5 * _block_norm(a - b)).mean(dim=(1, 2)) / (BANDS + 1)
    return scores


def _bands(x: Tensor) -> list[Tensor]:
    """Laplacian pyramid: `BANDS` bands and what is left below them, which is part of the score as well."""
    bands = []
    for _ in range(BANDS):
        coarse = F.avg_pool2d(x, 2)
        bands.append(x - F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False))
        x = coarse
    return [*bands, x]


def _block_norm(difference: Tensor) -> Tensor:
    """Root mean square of each block over pixels and colours, [B,h,w]; a small constant keeps the slope finite."""
    block = min(BLOCK, *difference.shape[2:])
    return (F.avg_pool2d(difference.square().mean(dim=1), block) + 1e-8).sqrt()
