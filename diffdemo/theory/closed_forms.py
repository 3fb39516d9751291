"""What DiffC, and any codec, can reach on a Gaussian source: closed forms, and the exact denoiser.

The source has independent components x_i ~ N(0, lambda_i), its coordinates along the eigenvectors of its covariance.
A `Scheme` maps the variances and a precision t > 0 to a rate and a distortion; both are means over the components, the
rate in bits. What t is differs from scheme to scheme, but more of it is always more bits and less distortion. For
the three decoders of DiffC it is 1 / sigma^2, with z = x + sigma n as everywhere in this package.

docs/theory.md derives the formulas; tests/unit/test_theory_closed_forms.py checks each by simulation or integration.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]

_STEEPEST, _FLATTEST = 1e15, 1e-12
"""Precisions between which rates are looked up, in units of 1 / mean variance."""
_BISECTIONS = 64


class RatePoint(NamedTuple):
    """Rate in bits and mean squared error per component; float64 [m] each."""

    bits: Array
    distortion: Array


Scheme = Callable[[Array, Array], RatePoint]
"""(variances [n], precisions [m]) -> points [m]."""


class GaussianDenoiser:
    """E[x | x + sigma n] for x ~ N(0, variance), pixel by pixel.

    Args:
        variance: of each pixel; a number, or a tensor that broadcasts against [1,3,H,W].
    """

    sigma_min = 0.001

    def __init__(self, variance: float | Tensor) -> None:
        self.variance = torch.as_tensor(variance)

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        """Shrink z towards zero, by more where it holds less; any shape, float32."""
        return z * (self.variance / (self.variance + sigma**2)).to(z)


def shannon(variances: Array, precision: Array) -> RatePoint:
    """Least rate for a distortion, whatever the result looks like; 1 / t is the water level.

    Reverse water-filling: D_i = min(lambda_i, 1 / t), R_i = 1/2 log2(lambda_i / D_i).
    Source: Cover and Thomas 2006, "Elements of Information Theory", theorem 10.3.3.
    """
    kept = np.minimum(variances, 1 / precision[:, None])
    return _mean(0.5 * np.log2(variances / kept), kept)


def ancestral_star(variances: Array, precision: Array) -> RatePoint:
    """DiffC-A*: ancestral sampling with the noise of each component chosen best; the rate is R(D / 2).

    A code that reaches R(D / 2), and then a sample of the posterior instead of its mean: twice the error.
    Source: Theis et al. 2022 (arXiv:2206.08889), the curve DiffC-A* of the Gaussian analysis.
    """
    bits, distortion = shannon(variances, precision)
    return RatePoint(bits, 2 * distortion)


def perfect_realism(variances: Array, precision: Array) -> RatePoint:
    """Least rate for a distortion if the result must be distributed like the source, with shared randomness.

    With correlation rho_i between a component and its reconstruction: R_i = -1/2 log2(1 - rho_i^2),
    D_i = 2 lambda_i (1 - rho_i), and the best allocation has rho_i / (1 - rho_i^2) = t lambda_i. No component is ever
    switched off.
    Source: Qian et al. 2024 (arXiv:2406.18008), perfect perception; Serra et al. 2023 (arXiv:2311.09190).
    """
    scaled = variances * precision[:, None]
    root = 1 + np.sqrt(1 + 4 * scaled**2)
    # 1 - rho^2 is 2 / root; written so, neither it nor 1 - rho loses digits where rho is almost one.
    rho = 2 * scaled / root
    return _mean(0.5 * np.log2(root / 2), 2 * variances * (2 / root) / (1 + rho))


def posterior_mean(variances: Array, precision: Array) -> RatePoint:
    """The average of all that fits: least error from what was sent, but blurred, with variance lambda_i - D_i.

    R_i = 1/2 log2(1 + lambda_i / sigma^2), D_i = lambda_i sigma^2 / (lambda_i + sigma^2).
    Source: Theis et al. 2022, the rate of communicating z; the error is that of the Wiener filter.
    """
    scaled = variances * precision[:, None]
    return _mean(_sent(scaled), variances / (1 + scaled))


def ancestral(variances: Array, precision: Array) -> RatePoint:
    """DiffC-A: a sample of the posterior, whose error is twice the least one, for any source.

    R_i as for the mean, D_i = 2 lambda_i sigma^2 / (lambda_i + sigma^2).
    Source: Theis et al. 2022, ancestral sampling.
    """
    bits, distortion = posterior_mean(variances, precision)
    return RatePoint(bits, 2 * distortion)


def flow(variances: Array, precision: Array) -> RatePoint:
    """DiffC-F: the probability flow stretches z to the source's variance, without noise of its own.

    R_i as for the mean, D_i = 2 lambda_i (1 - sqrt(lambda_i / (lambda_i + sigma^2))).
    Source: Theis et al. 2022, eq. 11, there for lambda = 1 and a state of unit variance.
    """
    scaled = variances * precision[:, None]
    # 1 - sqrt(1 - e) with e = 1 / (1 + scaled), in a form that keeps its digits for small e.
    lost = 1 / (1 + scaled)
    return _mean(_sent(scaled), 2 * variances * lost / (1 + np.sqrt(1 - lost)))


def dithered(variances: Array, precision: Array) -> RatePoint:
    """Scalar quantisation with subtractive dither: every component rounded with the same step Delta.

    The error is uniform whatever the source, D = Delta^2 / 12 = 1 / t. Entropy-coded with the dither known,
    R_i = H(Q(X + U) | U) = I(X; X + N) with N uniform of width Delta, integrated numerically.
    Source: Roberts 1962, "Picture coding using pseudo-random noise"; the rate from Zamir and Feder 1992, "On universal
    quantization by randomized uniform/lattice quantizers".
    """
    ratios, bits = _dither_table()
    scaled = np.log(variances * precision[:, None])
    rates: Array = np.exp(np.interp(scaled, ratios, bits))
    return _mean(rates, np.broadcast_to(1 / precision[:, None], rates.shape))


def precision_at(scheme: Scheme, variances: Array, bits: Array) -> Array:
    """The precision at which a scheme reaches rates in bits per component, float64 [m] -> [m]."""
    return _solve(lambda t: scheme(variances, t).bits, variances, bits)


def distortion_at(scheme: Scheme, variances: Array, bits: Array) -> Array:
    """The distortion of a scheme at rates in bits per component, float64 [m] -> [m]."""
    return scheme(variances, precision_at(scheme, variances, bits)).distortion


def rate_at(scheme: Scheme, variances: Array, distortion: Array) -> Array:
    """The rate at which a scheme reaches a distortion, float64 [m] -> [m]; about 0 where it needs none."""
    falling = _solve(lambda t: -scheme(variances, t).distortion, variances, -distortion)
    return scheme(variances, falling).bits


def _sent(scaled: Array) -> Array:
    """Bits of communicating z, per component: 1/2 log2(1 + lambda / sigma^2)."""
    return 0.5 * np.log1p(scaled) / math.log(2)


def _mean(bits: Array, distortion: Array) -> RatePoint:
    return RatePoint(bits.mean(axis=1), distortion.mean(axis=1))


def _solve(rising: Callable[[Array], Array], variances: Array, wanted: Array) -> Array:
    """Bisect the logarithm of the precision until a rising function of it has the wanted values."""
    mean = float(variances.mean())
    low = np.full(wanted.shape, math.log(_FLATTEST / mean))
    high = np.full(wanted.shape, math.log(_STEEPEST / mean))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        is_short = rising(np.exp(middle)) < wanted
        low, high = np.where(is_short, middle, low), np.where(is_short, high, middle)
    found: Array = np.exp(high)
    return found


@functools.lru_cache(maxsize=1)
def _dither_table() -> tuple[Array, Array]:
    """Logarithms of lambda / D, and of the bits that dithered quantisation takes there, [700] each."""
    ratios = np.linspace(math.log(1e-14), math.log(1e16), 700)
    return ratios, np.log(_dither_bits(np.exp(ratios)))


def _dither_bits(ratio: Array) -> Array:
    """I(X; X + N) in bits for X ~ N(0, ratio) and N uniform of variance 1, [m] -> [m].

    With P the probability that X falls into the cell of width Delta around y, it is the integral of -P log2 P over
    y / Delta. Here y = Delta / 2 + sqrt(ratio) u: all of the structure is at moderate u.
    """
    deviation = torch.from_numpy(np.sqrt(ratio))[:, None]
    width = math.sqrt(12) / deviation
    first = torch.clamp(-width / 2, min=-9)
    u = first + (12 - first) * torch.linspace(0, 1, 1501, dtype=torch.float64)
    cell = torch.special.ndtr(-u) - torch.special.ndtr(-u - width)
    halves = torch.trapezoid(-torch.special.xlogy(cell, cell), u)
    bits: Array = (2 * halves / width[:, 0] / math.log(2)).numpy()
    return bits
