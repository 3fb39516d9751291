"""From a noisy state to a picture: what the decoder does about the bits that were not sent.

Both samplers yield the network's estimate after every evaluation; the last one is the result. At `last`, the noise
that is left is so small that the posterior mean is the picture itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from diffdemo.diffusion.denoiser import Denoiser
from diffdemo.diffusion.posterior import PosteriorStep, white_noise


def noise_levels(sigma: float, last: float, steps: int) -> list[float]:
    """`steps + 1` levels from sigma down to `last`, evenly spaced in log sigma."""
    return [sigma * (last / sigma) ** (i / steps) for i in range(steps + 1)]


def last_level(denoiser: Denoiser, sigma: float) -> float:
    """Where a sampler that starts at sigma may stop: 1/32 of it, but not below what the network has learned."""
    return min(sigma, max(denoiser.sigma_min, sigma / 32))


@torch.inference_mode()
def flow(
    denoiser: Denoiser, z: Tensor, sigma: float, *, realism: float = 1.0, steps: int = 10
) -> Iterator[tuple[Tensor, int, int]]:
    """Probability flow from noise level sigma to almost none (DiffC-F), with the score scaled.

    The flow is dz/d(ln sigma) = z - D(z, sigma) (Song et al. 2021, eq. 13; Karras et al. 2022, eq. 1). Multiplying its
    right-hand side by kappa = 2 - realism trades realism for fidelity: on a Gaussian source of variance lambda a state
    z ends at z (lambda / (lambda + sigma^2))^(kappa/2), which is the flow for kappa = 1 and the posterior mean for
    kappa = 2, with every compromise in between.

    Solver: DPM-Solver++(2M) (Lu et al. 2022, algorithm 2), which needs one evaluation a step.

    Args:
        denoiser: of the model that the file was written with.
        z: state at `sigma`, [1,3,H,W].
        sigma: where the file ended.
        realism: 0 (posterior mean, one evaluation) to 1 (probability flow).
        steps: number of solver steps.

    Yields:
        (x_hat, step, steps).
    """
    x_hat = denoiser.denoise(z, sigma)
    last = last_level(denoiser, sigma)
    if realism <= 0 or last >= sigma:
        yield x_hat, steps, steps
        return
    yield x_hat, 0, steps
    kappa = 2 - realism
    levels = noise_levels(sigma, last, steps)
    before = x_hat
    for i in range(steps):
        # Equal steps in log sigma: extrapolate D to the middle of the step by half the last difference.
        middle = x_hat + 0.5 * (x_hat - before)
        z = middle + (levels[i + 1] / levels[i]) ** kappa * (z - middle)
        before, x_hat = x_hat, denoiser.denoise(z, levels[i + 1])
        yield x_hat, i + 1, steps


@torch.inference_mode()
def ancestral(
    denoiser: Denoiser, z: Tensor, sigma: float, *, seed: int, steps: int = 16
) -> Iterator[tuple[Tensor, int, int]]:
    """Draw what is missing from the model, step by step (DiffC-A; Ho et al. 2020, algorithm 2).

    A step of finite length must also carry the uncertainty of x_hat itself, or pictures come out too smooth: the
    optimal variance is scale^2 + (1 - r)^2 E|x - x_hat|^2 (Bao et al. 2022, "Analytic-DPM", theorem 1). The error need
    not be known: E|z - x|^2 = sigma^2 splits into E|z - x_hat|^2, which is measured, and E|x - x_hat|^2.

    Args:
        denoiser, z, sigma: as in `flow`.
        seed: another seed, another picture with the same bits.
        steps: more steps draw more faithfully.

    Yields:
        (x_hat, step, steps).
    """
    x_hat = denoiser.denoise(z, sigma)
    last = last_level(denoiser, sigma)
    if last >= sigma:
        yield x_hat, steps, steps
        return
    yield x_hat, 0, steps
    levels = noise_levels(sigma, last, steps)
    for i in range(steps):
        step = PosteriorStep(levels[i], levels[i + 1])
        noise = white_noise(tuple(z.shape), seed, stream=i).to(z.device)
        error = max(0.0, levels[i] ** 2 - float((z - x_hat).square().mean()))
        deviation = math.sqrt(step.scale**2 + (1 - step.ratio) ** 2 * error)
        z = step.mean(z, x_hat) + deviation * noise
        x_hat = denoiser.denoise(z, levels[i + 1])
        yield x_hat, i + 1, steps
