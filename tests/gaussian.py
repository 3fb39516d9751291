"""A source on which everything is known: independent Gaussian pixels, and the exact denoiser for them."""

from __future__ import annotations

import torch
from torch import Tensor


class GaussianDenoiser:
    """E[x | x + sigma n] for x ~ N(0, variance), pixel by pixel.

    Args:
        variance: of each pixel; a number, or a tensor that broadcasts against [1,3,H,W].
    """

    sigma_min = 0.001

    def __init__(self, variance: float | Tensor) -> None:
        self.variance = torch.as_tensor(variance)

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        return z * (self.variance / (self.variance + sigma**2)).to(z)


def power_law(height: int, width: int, *, exponent: float = 1.5, mean: float = 0.1) -> Tensor:
    """Variances that fall with the pixel's number like those of a picture's frequencies; their mean is `mean`."""
    k = torch.arange(1, 3 * height * width + 1, dtype=torch.float64)
    variances = k**-exponent
    return (variances * mean / variances.mean()).view(1, 3, height, width).float()
