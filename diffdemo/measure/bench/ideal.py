"""What an ideal DiffC file would cost: the yardstick for ours, and for what several views of every state are worth."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from torch import Tensor

from diffdemo.codecs.diffc import DiffC
from diffdemo.diffusion.denoiser import Denoiser
from diffdemo.diffusion.posterior import PosteriorStep, ideal_bits, white_noise
from diffdemo.diffusion.views import MAX_VIEWS, Views
from diffdemo.engine.examples import example_centre
from diffdemo.engine.hardware.device import choose_device
from diffdemo.engine.store import load_shipped
from diffdemo.images import to_image, to_pixels
from diffdemo.metrics.distortion import psnr_db

SIDE, SIGMA = 256, 0.12
"""Of pictures for `bench_views`, and where its chains end: at about 0.8 bits per pixel on a photograph."""
IDEAL_STEPS = 80
FIRST_SIGMA = 20.0
"""About where our own first step ends on a photograph of 256x256: from there on the noise decreases step by step."""


@torch.inference_mode()
def ideal_chain(denoiser: Denoiser, x: Tensor, sigma: float, *, seed: int = 0) -> tuple[float, Tensor]:
    """Communicate x down to `sigma` by exact Gaussian sampling at the cost of the KL divergence and nothing else.

    80 steps: the first from nothing to `FIRST_SIGMA`, the others evenly spaced in log sigma; prior and posterior have
    equal variance, as in Theis et al. 2022 and all published figures.

    Args:
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


def bench_views() -> Iterator[dict[str, float | int | str]]:
    """Ideal chains of the shipped model to the same noise level, by the number of views."""
    codec = load_shipped(DiffC, choose_device("auto"))
    network = codec.space.denoiser()
    for name in ("astronaut", "coffee"):
        pixels = example_centre(name, SIDE)
        for count in (1, 2, MAX_VIEWS):
            began = time.perf_counter()
            bits, picture = ideal_chain(Views(network, count), to_image(pixels), SIGMA)
            yield {
                "picture": name,
                "views": count,
                "ideal bpp": bits / SIDE**2,
                "PSNR dB": psnr_db(pixels, to_pixels(picture)),
                "seconds": time.perf_counter() - began,
            }
