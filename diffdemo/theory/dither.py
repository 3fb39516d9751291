"""The ancestor of DiffC, on a picture: rounding with subtractive dither.

A value is rounded after a random number was added to it, and the same number is subtracted by the decoder:

    k = round((x + u) / Delta),    x_hat = k Delta - u,    u uniform in [-Delta / 2, Delta / 2], known to both sides

The error is then uniform and independent of the picture: noise in place of contours. DiffC does the same with Gaussian
noise, on the whole picture at once.

Source: Roberts 1962, "Picture coding using pseudo-random noise", IRE Transactions on Information Theory 8. He sent
symbols of a fixed length; here they are charged their ideal entropy, as in Zamir and Feder 1992.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffdemo.errors import RateError
from diffdemo.images import Pixels, require_pixels
from diffdemo.metrics.distortion import psnr_db

STEPS = (4, 128)
"""The least and the most that a step may be, in levels of an 8-bit picture."""
_DITHERS = 64
_LEVELS = 256


@dataclass(frozen=True, slots=True)
class Dithered:
    """A picture that was rounded to multiples of a step; one symbol a pixel and colour.

    Attributes:
        pixels: what the decoder makes of the symbols, uint8 [H,W,3].
        bpp: ideal entropy of the symbols, each coded by itself, in bits per pixel; an estimate, no file.
        psnr_db: of `pixels`.
    """

    pixels: Pixels
    bpp: float
    psnr_db: float


def dither(pixels: Pixels, step: float, *, seed: int = 0) -> Dithered:
    """Round with dither.

    Args:
        pixels: uint8 [H,W,3].
        step: Delta in levels, within `STEPS`.
        seed: of the dither.

    Raises:
        ImageError: it is no picture.
        RateError: the step is out of range.
    """
    _require(pixels, step)
    noise = step * (np.random.default_rng(seed).random(pixels.shape, np.float32) - np.float32(0.5))
    dithers = step * ((np.arange(_DITHERS) + 0.5) / _DITHERS - 0.5)
    return _rounded(pixels, step, noise, dithers)


def plain(pixels: Pixels, step: float) -> Dithered:
    """Round without dither, for comparison; arguments and errors as for `dither`."""
    _require(pixels, step)
    return _rounded(pixels, step, np.float32(0), np.zeros(1))


def _rounded(
    pixels: Pixels, step: float, noise: NDArray[np.float32] | np.float32, dithers: NDArray[np.float64]
) -> Dithered:
    size = np.float32(step)
    values = np.rint((pixels + noise) / size) * size - noise
    decoded = np.clip(np.rint(values), 0, _LEVELS - 1).astype(np.uint8)
    bits = sum(_entropy(pixels[..., colour], step, dithers) for colour in range(3))
    return Dithered(decoded, bits, psnr_db(pixels, decoded))


def _entropy(values: NDArray[np.uint8], step: float, dithers: NDArray[np.float64]) -> float:
    """H(K | U) in bits a symbol: the entropy for each of the dithers, averaged."""
    shares = np.bincount(values.ravel(), minlength=_LEVELS) / values.size
    total = 0.0
    for u in dithers:
        symbols = np.rint((np.arange(_LEVELS) + u) / step).astype(np.int64)
        p = np.bincount(symbols - symbols.min(), weights=shares)
        p = p[p > 0]
        total -= float(p @ np.log2(p))
    return total / len(dithers)


def _require(pixels: Pixels, step: float) -> None:
    require_pixels(pixels)
    if not STEPS[0] <= step <= STEPS[1]:
        raise RateError(f"The step is {step:g} levels; it must lie between {STEPS[0]} and {STEPS[1]}.")
