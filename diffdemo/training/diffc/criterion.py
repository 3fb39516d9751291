"""What DiffC's denoiser is trained and judged by: the bits that a file takes.

An ideal file that stops at noise level sigma_0 holds

    R(sigma_0) = integral over ln sigma from sigma_0 to infinity of  E|x - D(z, sigma)|^2 / (sigma^2 ln 2)   bits

(Theis et al. 2022; the I-MMSE relation of Guo, Shamai, Verdu 2005). A relative gain in the integrand anywhere between
the start of the file and its end is worth the same *relative* number of bits at every rate, so each noise level's loss
is divided by its running mean, and noise levels are drawn over the range in which files end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from diffdemo.models.photo_unet import SIGMA_DATA

Levels = Literal["normal", "uniform"]
Weighting = Literal["relative", "edm", "bits"]

LOG_SIGMA_MEAN = -1.9
LOG_SIGMA_DEVIATION = 1.5
LOG_SIGMA_RANGE = (math.log(0.005), math.log(60.0))
VALIDATION_SIGMAS = tuple(2.0 ** (e / 2) for e in range(10, -13, -1))
"""Half-octave grid from 32 to 1/64: coarse enough to be quick, fine enough for the integral by the trapezoid rule.
Where the rate is inverse to sigma it comes out about h^2 / 12 = 1 % high, for every network alike."""
REPORTED = range(10, len(VALIDATION_SIGMAS), 2)
"""Those of them at which files end: 1, 1/2, ..., 1/64."""


class LevelMeans:
    """Running mean of the loss as a function of ln sigma, in bins of a quarter."""

    def __init__(self, device: torch.device | None = None) -> None:
        low, high = LOG_SIGMA_RANGE
        self.low = low
        self.means = torch.ones(int((high - low) * 4) + 1, device=device)

    def bins(self, log_sigma: Tensor) -> Tensor:
        """Number of the bin of each ln sigma."""
        return ((log_sigma - self.low) * 4).long().clamp(0, len(self.means) - 1)

    def update(self, log_sigma: Tensor, losses: Tensor) -> None:
        """Learn from the losses [B] of a batch at ln sigma [B]; never waits for the device."""
        bins, zeros = self.bins(log_sigma), torch.zeros_like(self.means)
        counts = zeros.index_add(0, bins, torch.ones_like(losses))
        sums = zeros.index_add(0, bins, losses)
        self.means = torch.lerp(sums / counts.clamp_min(1), self.means, 0.99**counts)

    def __call__(self, log_sigma: Tensor) -> Tensor:
        """Expected loss at each ln sigma, [B]."""
        return self.means[self.bins(log_sigma)].clamp_min(1e-3)


def draw_log_sigmas(count: int, generator: torch.Generator, levels: Levels = "normal") -> Tensor:
    """Stratified draws of ln sigma: one in each of `count` equally likely intervals.

    Args:
        count: how many.
        generator: of the CPU.
        levels: "normal" around where files end, or "uniform" over the whole range.
    """
    u = (torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)) / count
    if levels == "uniform":
        low, high = LOG_SIGMA_RANGE
        return low + (high - low) * u
    normal = torch.special.ndtri(u.double().clamp(1e-6, 1 - 1e-6)).float()
    return (LOG_SIGMA_MEAN + LOG_SIGMA_DEVIATION * normal).clamp(*LOG_SIGMA_RANGE)


def level_weights(sigma: Tensor, weighting: Weighting) -> Tensor:
    """What the mean squared error at each sigma [B] is multiplied by, before any division by its running mean.

    Karras et al. 2022 (arXiv:2206.00364), eq. 8: lambda(sigma) gives the network's own target unit scale. For "bits"
    it is 1 / sigma^2 instead, the integrand of the rate itself.
    """
    if weighting == "bits":
        return 1 / sigma**2
    return (sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2


@torch.no_grad()
def validate(net: Callable[[Tensor, Tensor], Tensor], crops: Tensor, device: torch.device) -> dict[str, float]:
    """Ideal rate and posterior-mean PSNR on held-out crops.

    Args:
        net: the denoiser, from z [B,3,H,W] and sigma [B].
        crops: [N,3,H,W] in [-1, 1].
        device: of the denoiser.

    Returns:
        `bpp@S`, `psnr@S` for several sigma S: bits per pixel of an ideal file that ends there, and its quality in dB.
    """
    generator = torch.Generator().manual_seed(1)
    crops = crops.cpu()
    pixels = crops.shape[-1] * crops.shape[-2]
    at_once = 1 if device.type == "cpu" else len(crops)
    energies = []
    for sigma in VALIDATION_SIGMAS:
        z = crops + sigma * torch.randn(crops.shape, generator=generator)
        x_hat = torch.cat(
            [net(some.to(device), torch.full((len(some),), sigma, device=device)) for some in z.split(at_once)]
        )
        energies.append(float((crops - x_hat.cpu().float()).pow(2).sum(dim=(1, 2, 3)).mean()))
    # Everything above the first level: the picture's own energy, as if nothing were predicted.
    bits = float(crops.pow(2).sum(dim=(1, 2, 3)).mean()) / (2 * VALIDATION_SIGMAS[0] ** 2 * math.log(2))
    densities = [e / s**2 / math.log(2) for e, s in zip(energies, VALIDATION_SIGMAS, strict=True)]
    report: dict[str, float] = {}
    for i in range(1, len(VALIDATION_SIGMAS)):
        bits += 0.5 * (densities[i - 1] + densities[i]) * 0.5 * math.log(2)
        if i in REPORTED:
            report[f"bpp@{VALIDATION_SIGMAS[i]:.4g}"] = bits / pixels
            report[f"psnr@{VALIDATION_SIGMAS[i]:.4g}"] = 10 * math.log10(4 * 3 * pixels / energies[i])
    return report
