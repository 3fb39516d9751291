"""Distortion of 8-bit pictures, as the literature reports it."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from diffdemo.images import Pixels

MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
MS_SSIM_SMALLEST_SIDE = 176
"""The eleven taps of the window must fit into a sixteenth of the picture."""


def psnr_db(a: Pixels, b: Pixels) -> float:
    """Peak signal-to-noise ratio over all three channels, in decibels; infinite for equal pictures."""
    mse = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return math.inf if mse == 0 else 10 * math.log10(255**2 / mse)


def ms_ssim(a: Pixels, b: Pixels) -> float | None:
    """Multi-scale structural similarity, mean over the RGB channels; None below 176 pixels a side.

    Source: Wang, Simoncelli, Bovik 2003, with an 11-tap Gaussian window of deviation 1.5 at every scale.
    """
    if min(a.shape[:2]) < MS_SSIM_SMALLEST_SIDE:
        return None
    x, y = (torch.tensor(p).permute(2, 0, 1)[None].float() for p in (a, b))
    product = torch.ones(3)
    for scale, weight in enumerate(MS_SSIM_WEIGHTS):
        luminance, contrast = _ssim_terms(x, y)
        last = scale == len(MS_SSIM_WEIGHTS) - 1
        term = (luminance * contrast if last else contrast).mean(dim=(0, 2, 3))
        product = product * term.clamp_min(0) ** weight
        if not last:
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    return float(product.mean())


def _ssim_terms(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_x, mean_y = _blur(x), _blur(y)
    var_x = _blur(x * x) - mean_x**2
    var_y = _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance, (2 * covariance + c2) / (var_x + var_y + c2)


def _blur(x: Tensor) -> Tensor:
    taps = torch.exp(-(torch.arange(-5.0, 6.0) ** 2) / (2 * 1.5**2))
    taps = (taps / taps.sum()).expand(3, 1, 1, 11)
    return F.conv2d(F.conv2d(x, taps, groups=3), taps.transpose(2, 3), groups=3)


def bits_per_pixel(num_bytes: int, width: int, height: int) -> float:
    """Rate of a file, header included, on the picture's own area."""
    return 8 * num_bytes / (width * height)
