"""What an ideal DiffC file would cost: the yardstick for ours."""

from __future__ import annotations

import torch
from torch import Tensor

from diffdemo.diffusion.denoiser import Denoiser
from diffdemo.diffusion.posterior import PosteriorStep, ideal_bits, white_noise

IDEAL_STEPS = 80
FIRST_SIGMA = 20.0
"""About where our own first step ends on a photograph of 256x256: from there on the noise decreases step by step."""


@torch.inference_mode()
def ideal_chain(denoiser: Denoiser, x: Tensor, sigma: float, *, seed: int = 0) -> tuple[float, Tensor]:
    """Communicate x down to `sigma` by exact Gaussian sampling at the cost of the KL divergence and nothing else.

    80 steps: the first from nothing to `FIRST_SIGMA`, the others evenly spaced in log sigma; prior and posterior have
    equal variance, as in Theis et al. 2022 and all published figures.

    Args:
        denoiser: the model.
        x: image [1,3,H,W].
        sigma: final noise level.
        seed: of the sampled noise.

    Returns:
        Sum of the KL divergences in bits, and the posterior mean at the end.
    """
    start = max(FIRST_SIGMA, 2 * sigma)
    levels = [float("inf"), *(start * (sigma / start) ** (i / (IDEAL_STEPS - 1)) for i in range(IDEAL_STEPS))]
    z, x_hat, bits = torch.zeros_like(x), torch.zeros_like(x), 0.0
    for i in range(IDEAL_STEPS):
        step = PosteriorStep(levels[i], levels[i + 1])
        bits += ideal_bits(x, x_hat, levels[i], levels[i + 1])
        z = step.mean(z, x) + step.scale * white_noise(tuple(x.shape), seed, stream=i)
        x_hat = denoiser.denoise(z, levels[i + 1]).cpu()
    return bits, x_hat
