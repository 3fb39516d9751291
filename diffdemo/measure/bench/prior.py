"""What a prior saves that knows more of the error than one variance.

If both sides knew the mean v of mu^2 in a step and nothing else, a step of d values would cost at best

    (d / 2) log2(1 + v)   bits,

the least divergence of a normal prior of one variance. Files have one for each class of frequencies
(`diffusion/spectrum.py`). A prior with a variance of its own for each block b of d_b
values costs the sum of (d_b / 2) log2(1 + v_b) instead, less by concavity. Here v_b is the *true* mean of mu^2 in the
block, which no head can know: an upper bound of what one could save.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.diffc_plan import bits_to
from diffdemo.diffusion.denoiser import Denoiser
from diffdemo.diffusion.posterior import PosteriorStep, sigma_for_energy, white_noise
from diffdemo.diffusion.spectrum import Spectrum, basis_for
from diffdemo.engine.examples import example_centre
from diffdemo.engine.hardware.device import choose_device
from diffdemo.engine.store import load_shipped
from diffdemo.images import to_image
from diffdemo.measure.bench.cdc import Row

SIDE = 256
BLOCK = 8
STEPS = (8, 16, 32, 64)
BPP = (0.25, 1.0)


def bench_prior() -> Iterator[Row]:
    """The shipped model on the centre of an example, for each rate in ever more steps."""
    codec = load_shipped(DiffC, choose_device("auto"))
    x = to_image(example_centre("astronaut", SIDE))
    for bpp in BPP:
        for steps in STEPS:
            yield prior_row(codec.space.denoiser(), x, bpp, steps, codec.space.spectrum)


@torch.inference_mode()
def prior_row(denoiser: Denoiser, x: Tensor, bpp: float, steps: int, spectrum: Spectrum | None = None) -> Row:
    """Send x down to the noise level that `bpp` bits per pixel reach, in `steps` steps as the codec sizes them.

    Args:
        x: image [1,C,H,W]; sides multiples of `BLOCK`.
        bpp: rate with one variance for each step.
        steps: the bits sent grow with the square of the step's number (docs/diffc.md).
        spectrum: what the model misses, by class of frequency.
    """
    basis = basis_for(spectrum, (1, x.shape[1], x.shape[2], x.shape[3]))
    pixels = x.shape[-1] * x.shape[-2]
    sigma, z, x_hat = float("inf"), torch.zeros_like(x), torch.zeros_like(x)
    local, equal, by_class = 0.0, 0.0, 0.0
    for number in range(1, steps + 1):
        bits = bpp * pixels * (number**2 - (number - 1) ** 2) / steps**2
        energy = x.numel() * float(np.expm1(2 * bits / x.numel() * np.log(2)))
        finer = sigma_for_energy(sigma, float((x - x_hat).double().square().sum()), energy)
        step = PosteriorStep(sigma, finer)
        classes = basis.classes(sigma)
        by_class += bits_to(finer, sigma, classes.energies(basis.forward(x - x_hat)), classes)
        mu = (x - x_hat) * ((1 - step.ratio) / step.scale)
        local += local_bits(mu)
        equal += energy / (2 * np.log(2))
        z = step.mean(z, x) + step.scale * white_noise(tuple(x.shape), 0, stream=number)
        sigma = finer
        x_hat = denoiser.denoise(z, sigma).cpu()
    return {
        "steps": steps,
        "one variance a step, bpp": bpp,
        "variance by frequency, bpp": by_class / pixels,
        "own variance for 8x8 blocks, bpp": local / pixels,
        "saving %": 100 * (1 - local / (bpp * pixels)),
        "prior of the posterior's variance, bpp": equal / pixels,
        "sigma": sigma,
        "dB": float(10 * torch.log10(4 / (x - x_hat).square().mean())),
    }


def local_bits(mu: Tensor) -> float:
    """Sum of (d_b / 2) log2(1 + v_b) over blocks of `BLOCK` x `BLOCK` pixels with all channels; mu is [1,C,H,W]."""
    channels = mu.shape[1]
    v = F.avg_pool2d(mu.double().square().mean(dim=1, keepdim=True), BLOCK)
    return float((channels * BLOCK**2 / 2 * torch.log2(1 + v)).sum())
