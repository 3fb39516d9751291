"""The quantisation step of CDC: how it is written, and what it does to scales, in whole numbers.

A code, 0 ... 223, stands for delta = 2^((code - 32) / 32), from 1/2 to 2^6. What the entropy coder needs is 1 / delta,
which is kept as an integer in units of 2^-25.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffdemo.models.cdc.exact import FRACTION_BITS

# normative: all of this file.
CODES_AN_OCTAVE = 32
UNIT_CODE = 32
"""The code of delta = 1, the step of the released models."""
LARGEST_CODE = 223
INVERSE_BITS = 25
SMALLEST_SCALE = 6554
"""The model's lower bound on scales, 0.1, in units of 2^-16."""
FINEST = 2.0**-FRACTION_BITS
"""Unit of means and scales."""


def _inverse(part: int) -> int:
    """Largest n with n <= 2^25 2^(-part / 32), by bisection in whole numbers."""
    low, high = 1 << INVERSE_BITS - 1, 1 << INVERSE_BITS
    while low < high:
        middle = (low + high + 1) // 2
        if middle**CODES_AN_OCTAVE <= 1 << INVERSE_BITS * CODES_AN_OCTAVE - part:
            low = middle
        else:
            high = middle - 1
    return low


_INVERSES = [_inverse(part) for part in range(CODES_AN_OCTAVE)]


def _inverse_of(code: int) -> int:
    """1 / delta in units of 2^-25."""
    octave, part = divmod(code, CODES_AN_OCTAVE)
    return _INVERSES[part] << 1 >> octave


def delta_of(code: int) -> float:
    """The quantisation step that a code stands for."""
    return (1 << INVERSE_BITS) / _inverse_of(code)


def scales_in_steps(scales: NDArray[np.int64], code: int) -> NDArray[np.int64]:
    """Scales in quantisation steps, both in units of 2^-16.

    Args:
        scales: int64, at most 2^25 in magnitude; those below 0.1 count as 0.1.
        code: of the step.
    """
    return np.maximum(scales, SMALLEST_SCALE) * _inverse_of(code) >> INVERSE_BITS
