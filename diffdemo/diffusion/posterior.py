"""One step of the variance-exploding process z = x + sigma n, from noise level sigma_t down to sigma_s.

Given x, the less noisy state is normal (Ho et al. 2020, eqs. 6 and 7, in these coordinates):

    q(z_s | z_t, x) = N(x + r (z_t - x), scale^2 I),    r = sigma_s^2 / sigma_t^2,    scale^2 = sigma_s^2 (1 - r)

The decoder, which has x_hat = E[x | z_t] instead of x, expects the same with x_hat. In units of `scale` the two means
differ by mu, |mu|^2 = |x - x_hat|^2 (1/sigma_s^2 - 1/sigma_t^2); that is all a file has to say.

`sigma_t = inf` is the state of knowing nothing: then r = 0 and z_s = x + sigma_s n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class PosteriorStep:
    """Coefficients of q(z_s | z_t, x) and of its model p(z_s | z_t)."""

    sigma_t: float
    sigma_s: float

    def __post_init__(self) -> None:
        if not self.sigma_t > self.sigma_s > 0:
            raise ValueError(f"noise must decrease and stay positive: {self.sigma_t} -> {self.sigma_s}")

    @property
    def ratio(self) -> float:
        """The ratio r = sigma_s^2 / sigma_t^2, in [0, 1)."""
        return (self.sigma_s / self.sigma_t) ** 2

    @property
    def scale(self) -> float:
        """Standard deviation of q."""
        return self.sigma_s * math.sqrt(1 - self.ratio)

    def mean(self, z: Tensor, x: Tensor) -> Tensor:
        """Mean of q for this x; of p for x_hat in its place. `z` is ignored where sigma_t is infinite."""
        return x if math.isinf(self.sigma_t) else x + self.ratio * (z - x)

    def shift(self, error: NDArray[np.float32]) -> NDArray[np.float32]:
        """mu: distance of the means of q and p in units of their standard deviation, for x - x_hat = `error`."""
        mu: NDArray[np.float32] = error * np.float32((1 - self.ratio) / self.scale)
        return mu

    def flow(self, z: Tensor, x_hat: Tensor) -> Tensor:
        """Where the probability flow leads from z, in one Euler step (Song et al. 2021, eq. 13; DDIM).

        A step that was not received is filled in by this: it adds no noise of its own.
        """
        return x_hat if math.isinf(self.sigma_t) else x_hat + (self.sigma_s / self.sigma_t) * (z - x_hat)


def sigma_for_energy(sigma_t: float, error: float, energy: float) -> float:
    """The noise level at which |mu|^2 reaches `energy`, given |x - x_hat|^2 = `error`: |mu|^2 solved for sigma_s.

    Both may be weighted sums of squares, by the same weights.

    Returns:
        sigma_s < sigma_t; 0 where no level is low enough because there is no error.
    """
    if error <= 0:
        return 0.0
    return 1 / math.sqrt(1 / sigma_t**2 + energy / error)


def ideal_bits(x: Tensor, x_hat: Tensor, sigma_t: float, sigma_s: float) -> float:
    """KL(q || p) of a step in bits, with q and p of equal variance: |mu|^2 / (2 ln 2)."""
    return float(ideal_bits_by_value(x, x_hat, sigma_t, sigma_s).sum())


def ideal_bits_by_value(x: Tensor, x_hat: Tensor, sigma_t: float, sigma_s: float) -> Tensor:
    """What each value adds to `ideal_bits`, float64 in the shape of x."""
    return (x - x_hat).double().square() * ((1 / sigma_s**2 - 1 / sigma_t**2) / (2 * math.log(2)))


def white_noise(shape: tuple[int, ...], seed: int, *, stream: int) -> Tensor:
    """Standard normal tensor on the CPU, the same for the same numbers."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + stream) & (2**63 - 1))
    return torch.randn(shape, generator=generator)
