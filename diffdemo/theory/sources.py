"""Gaussian sources, and what is known about coding them: the curves of the theory page.

Distortion is said as SNR = 10 log10(mean variance / distortion), rates in bits per dimension.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from diffdemo.errors import ImageError, RateError
from diffdemo.images import Pixels, require_pixels
from diffdemo.theory import closed_forms
from diffdemo.theory.closed_forms import Array, Scheme

SCHEMES: MappingProxyType[str, Scheme] = MappingProxyType(
    {
        "shannon": closed_forms.shannon,
        "mean": closed_forms.posterior_mean,
        "realism": closed_forms.perfect_realism,
        "flow": closed_forms.flow,
        "ancestral_star": closed_forms.ancestral_star,
        "ancestral": closed_forms.ancestral,
        "dithered": closed_forms.dithered,
    }
)
COMPONENTS = 256
STEEPEST_EXPONENT = 2.5
BLOCK = 8
"""Side of the blocks whose covariance is measured: 8 x 8 pixels in three colours are 192 components."""
TOP_SNR_DB = 25.0
LOWEST_SNR_DB = -3.2
"""What the plot shows. A reconstruction that has nothing to do with the source has -3.01 dB."""
CURVE_POINTS = 160

_MAX_BLOCKS = 20_000
_SMALLEST_SIDE = 32
_ROUNDING_VARIANCE = 1 / 12
"""Of a value that was rounded to an integer: no component of an 8-bit picture is known better."""


@dataclass(frozen=True, slots=True)
class Source:
    """Independent Gaussian components.

    Attributes:
        name: for people.
        variances: of the components, falling, their mean 1.
    """

    name: str
    variances: tuple[float, ...]

    @property
    def array(self) -> Array:
        """The variances, float64 [n]."""
        return np.array(self.variances)


@dataclass(frozen=True, slots=True)
class TheoryCurve:
    """One closed form; `scheme` is a key of `SCHEMES`, bits are per dimension and rise."""

    scheme: str
    bits: tuple[float, ...]
    snr_db: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Every scheme at one rate.

    Attributes:
        bits: the rate, per dimension.
        snr_db: what each scheme reaches with it.
        flow_bits: what each scheme needs for the SNR that flow reaches with it.
    """

    bits: float
    snr_db: dict[str, float]
    flow_bits: dict[str, float]

    @property
    def gap_db(self) -> float:
        """By how much flow beats ancestral sampling of the same bits."""
        return self.snr_db["flow"] - self.snr_db["ancestral"]


def power_law(exponent: float) -> Source:
    """The k-th of 256 components has a variance in proportion to k^-exponent.

    Args:
        exponent: 0 (all equal: white) to `STEEPEST_EXPONENT`.

    Raises:
        RateError: it is out of this range.
    """
    if not 0 <= exponent <= STEEPEST_EXPONENT:
        raise RateError(f"The exponent is {exponent}; it must lie between 0 and {STEEPEST_EXPONENT}.")
    return _source(f"{COMPONENTS} components, variance k^-{exponent:g}", np.arange(1.0, COMPONENTS + 1) ** -exponent)


def from_blocks(pixels: Pixels) -> Source:
    """A Gaussian source with the covariance of a picture's blocks of 8 x 8 pixels in three colours.

    The variances are the eigenvalues of the covariance: the blocks' variances along their principal components (KLT).

    Args:
        pixels: uint8 [H,W,3].

    Raises:
        ImageError: there are too few blocks to measure, or they are all the same.
    """
    require_pixels(pixels)
    height, width = pixels.shape[:2]
    if min(height, width) < _SMALLEST_SIDE:
        raise ImageError(f"The picture is {width} x {height} pixels; {_SMALLEST_SIDE} a side are needed to measure it.")
    stride = math.ceil((height * width / _MAX_BLOCKS) ** 0.5)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (BLOCK, BLOCK), axis=(0, 1))[::stride, ::stride]
    blocks = windows.reshape(-1, 3 * BLOCK * BLOCK).astype(np.float64)
    blocks -= blocks.mean(axis=0)
    variances = np.linalg.eigvalsh(blocks.T @ blocks / len(blocks))[::-1]
    if variances[0] <= _ROUNDING_VARIANCE:
        raise ImageError("The picture is the same everywhere; there is no spectrum to measure.")
    return _source(f"{len(variances)} components of this picture's blocks", np.maximum(variances, _ROUNDING_VARIANCE))


def most_bits(source: Source) -> float:
    """Where the plot ends: bits per dimension at which the posterior mean has `TOP_SNR_DB`."""
    return float(closed_forms.rate_at(closed_forms.posterior_mean, source.array, _distortion(TOP_SNR_DB))[0])


def curves(source: Source) -> list[TheoryCurve]:
    """All closed forms up to `most_bits`, in the order of `SCHEMES`."""
    last = most_bits(source)
    return [_curve(name, source, last) for name in SCHEMES]


def mark(source: Source, bits: float) -> Mark:
    """Every scheme at a rate in bits per dimension; rates that the plot does not show are moved to its border."""
    last = most_bits(source)
    bits = min(max(bits, last / 1000), last)
    variances, rate = source.array, np.array([bits])
    snr = {name: _snr(closed_forms.distortion_at(scheme, variances, rate))[0] for name, scheme in SCHEMES.items()}
    least = _distortion(snr["flow"])
    needed = {name: float(closed_forms.rate_at(scheme, variances, least)[0]) for name, scheme in SCHEMES.items()}
    return Mark(bits, snr, needed)


def _source(name: str, variances: Array) -> Source:
    return Source(name, tuple((variances / variances.mean()).tolist()))


def _curve(name: str, source: Source, last: float) -> TheoryCurve:
    """Points at evenly rising logarithms of the precision, which bend where the curves bend."""
    first, end = closed_forms.precision_at(SCHEMES[name], source.array, np.array([last / 5000, last]))
    bits, distortion = SCHEMES[name](source.array, np.geomspace(first, end, CURVE_POINTS))
    snr = _snr(distortion)
    shown = [(b, s) for b, s in zip(bits.tolist(), snr, strict=True) if s >= LOWEST_SNR_DB]
    return TheoryCurve(name, tuple(b for b, _ in shown), tuple(s for _, s in shown))


def _distortion(snr_db: float) -> Array:
    return np.array([10 ** (-snr_db / 10)])


def _snr(distortion: Array) -> list[float]:
    snr_db: list[float] = (-10 * np.log10(distortion)).tolist()
    return snr_db
