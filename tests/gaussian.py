"""A source on which everything is known: independent Gaussian pixels, and the exact denoiser for them."""

from __future__ import annotations

import torch
from torch import Tensor

from diffdemo.theory.closed_forms import GaussianDenoiser

__all__ = ["GaussianDenoiser", "power_law"]


def power_law(height: int, width: int, *, exponent: float = 1.5, mean: float = 0.1) -> Tensor:
    """Variances that fall with the pixel's number like those of a picture's frequencies; their mean is `mean`."""
    k = torch.arange(1, 3 * height * width + 1, dtype=torch.float64)
    variances = k**-exponent
    return (variances * mean / variances.mean()).view(1, 3, height, width).float()
