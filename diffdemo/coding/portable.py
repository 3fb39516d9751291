"""Elementary functions with the same result on every machine, bit by bit.

The logarithms and exponentials of a C library, and the vectorised ones of numpy and torch, differ in the last digit
from one processor to the next. A probability that decides what a bit of the file means must not. These functions use
nothing but additions, multiplications, divisions, comparisons, roundings and scalings by powers of two in float64,
each of which IEEE 754 defines to the last bit, in an order that is written down here. Every step is a numpy call of
its own, so that no compiler can fuse two of them.

Sources: Cody, Waite 1980, "Software Manual for the Elementary Functions" (reduction of the exponential); Abramowitz,
Stegun 1964, 26.2.11 and 26.2.14 (normal law).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# normative: all of this file.
LOG2_E = float.fromhex("0x1.71547652b82fep+0")
# ln 2 in two parts; the first has 33 bits, so that its product with any exponent is exact.
LN2_HIGH = float.fromhex("0x1.62e42feep-1")
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
INVERSE_ROOT_TWO_PI = float.fromhex("0x1.9884533d43651p-2")
LARGEST_EXPONENT = 708.0
EXPONENTIAL_TERMS = 13
LOGARITHM_TERMS = 17
SMALL_TAIL = 2.5
LARGEST_TAIL = 37.0
SERIES_TERMS = 32
FRACTION_TERMS = 50


def exp(x: Array) -> Array:
    """e^x; arguments beyond +-708 count as +-708."""
    fraction, exponent = _exponential(x)
    result: Array = np.ldexp(fraction + 1.0, exponent)
    return result


def expm1(x: Array) -> Array:
    """e^x - 1, without loss of digits near zero; arguments beyond +-708 count as +-708."""
    fraction, exponent = _exponential(x)
    result: Array = np.ldexp(fraction, exponent) + (np.ldexp(1.0, exponent) - 1.0)
    return result


def log1p(x: Array) -> Array:
    """ln(1 + x) for x in 0..1.

    2 artanh(t), t = x / (2 + x), whose series needs no reduction since t is at most 1/3.
    """
    t = x / (x + 2.0)
    square = t * t
    total = np.full_like(t, 1 / (2 * LOGARITHM_TERMS - 1))
    for k in range(LOGARITHM_TERMS - 2, -1, -1):
        total = total * square + 1 / (2 * k + 1)
    return 2.0 * (t * total)


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), with all digits at both ends."""
    small = exp(-np.abs(x))
    return np.where(x < 0, small, 1.0) / (small + 1.0)


def tanh(x: Array) -> Array:
    """Hyperbolic tangent, with all digits near zero."""
    less = expm1(-2.0 * np.abs(x))
    result: Array = np.copysign(less / (less + 2.0), x)
    return result


def softplus(x: Array) -> Array:
    """ln(1 + e^x), without the shortcut that torch takes above 20: they differ by 2e-9 at most."""
    return np.maximum(x, 0.0) + log1p(exp(-np.abs(x)))


def normal_tail(x: Array) -> Array:
    """Mass of the standard normal law above x, for x >= 0; arguments beyond 37 count as 37."""
    near, far = np.minimum(x, SMALL_TAIL), np.clip(x, SMALL_TAIL, LARGEST_TAIL)
    # Below: 1/2 - phi(x) (x + x^3/3 + x^5/15 + ...), all terms positive.
    square = near * near
    total, term = near, near
    for k in range(1, SERIES_TERMS):
        term = term * square / (2 * k + 1)
        total = total + term
    below = 0.5 - _normal_density(near) * total
    # Above: phi(x) / (x + 1/(x + 2/(x + 3/(x + ...)))).
    fraction = far
    for k in range(FRACTION_TERMS, 0, -1):
        fraction = far + k / fraction
    return np.where(x < SMALL_TAIL, below, _normal_density(far) / fraction)


def _normal_density(x: Array) -> Array:
    return exp(-0.5 * (x * x)) * INVERSE_ROOT_TWO_PI


def _exponential(x: Array) -> tuple[Array, NDArray[np.int32]]:
    """(f, n) with e^x = 2^n (1 + f), |f| at most sqrt(2) - 1."""
    x = np.clip(x, -LARGEST_EXPONENT, LARGEST_EXPONENT)
    count = np.rint(x * LOG2_E)
    rest = x - count * LN2_HIGH - count * LN2_LOW
    # Taylor series: |rest| is at most ln(2)/2, where the first term left out is below 1e-17.
    total = np.full_like(rest, 1 / math.factorial(EXPONENTIAL_TERMS))
    for k in range(EXPONENTIAL_TERMS - 1, 0, -1):
        total = total * rest + 1 / math.factorial(k)
    return total * rest, count.astype(np.int32)
