"""Blotches: slow, often coloured waves in skies and blurred backgrounds. The eye sees them first; PSNR hardly does.

Measured is the error (reconstruction minus original) below 1/16 cycle per pixel, in the flat regions of the original
only, light and colour apart, in 8-bit levels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from diffdemo.images import Pixels
from diffdemo.metrics.colour import luma_chroma

CUTOFF = 1 / 16
"""In cycles per pixel."""
SMOOTHING = math.sqrt(math.log(2)) / (2 * math.pi * CUTOFF)
"""Deviation in pixels of the Gaussian that halves the power at `CUTOFF`."""
WINDOW = 8.0
"""Deviation in pixels of the neighbourhood in which a place is judged flat."""
DETAIL = ((0.0, 2.0, 4.0), (2.0, 8.0, 6.0))
"""Finer and coarser smoothing in pixels, and how many levels (rms) may lie between them where a place is flat.

The first is grain and texture, which a sensor's noise may fill; the second is shapes of some pixels, where out of focus
backgrounds still have a little.
"""
MARGIN = 8
"""Pixels kept from whatever is not flat: errors of an edge reach about as far."""
MIN_SHARE = 0.01
"""Of the picture: with less that is flat, there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Blotches:
    """Of one reconstruction.

    Attributes:
        luma, chroma: root mean square of the slow error in the flat regions, in 8-bit levels of Y, and of Cb and Cr
            together.
        share: of the picture that is flat, 0..1.
    """

    luma: float
    chroma: float
    share: float


@torch.inference_mode()
def blotches(original: Pixels, picture: Pixels) -> Blotches | None:
    """The slow error of a reconstruction where the original is flat, both uint8 [H,W,3].

    The error is smoothed within the flat regions alone (normalised convolution, Knutsson and Westin 1993), so that what
    happens at edges and in texture does not leak in.

    Returns:
        None if less than `MIN_SHARE` of the original is flat.
    """
    light = luma_chroma(original)
    flat = flat_regions(light[0])
    share = float(flat.mean())
    if share < MIN_SHARE:
        return None
    slow = _smooth((luma_chroma(picture) - light) * flat, SMOOTHING) / _smooth(flat[None], SMOOTHING).clamp_min(1e-6)
    power = (slow**2 * flat).sum(dim=(1, 2)) / flat.sum()
    return Blotches(math.sqrt(float(power[0])), math.sqrt(float(power[1] + power[2])), share)


def flat_regions(luma: Tensor) -> Tensor:
    """Where there is next to no detail in luma of 8-bit levels, [H,W]: 1 there and 0 elsewhere, [H,W]."""
    flat = torch.ones_like(luma)[None]
    for fine, coarse, most in DETAIL:
        detail = _smooth(luma[None], fine) - _smooth(luma[None], coarse)
        flat = flat * (_smooth(detail**2, WINDOW) < most**2)
    # What is not flat grows by the margin; beyond the picture there is nothing that could.
    return 1 - F.max_pool2d(1 - flat, 2 * MARGIN + 1, stride=1, padding=MARGIN)[0]


def _smooth(planes: Tensor, deviation: float) -> Tensor:
    """[C,H,W] under a Gaussian; borders are repeated."""
    if deviation == 0:
        return planes
    reach = math.ceil(3 * deviation)
    taps = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * deviation**2))
    taps = (taps / taps.sum()).view(1, 1, 1, -1)
    x = F.pad(planes[:, None], (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(x, taps), taps.transpose(2, 3))[:, 0]
