"""Elementary functions in IEEE arithmetic: accurate, and the same bits on every machine."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest

from diffdemo.coding import portable

# CRC-32 of the results on `grid`, as little-endian float64. A machine that gets another one would decode other symbols.
GOLDEN_CRC = {
    "exp": 0xC4B40F6F,
    "expm1": 0x99397FA0,
    "log1p": 0x4E6C5C78,
    "sigmoid": 0xC43ABE1C,
    "tanh": 0xC895188B,
    "softplus": 0xAD5A4D73,
    "normal_tail": 0x16D7DDCF,
}


def grid(name: str) -> np.ndarray:
    """Dyadic numbers, near zero and far from it."""
    whole = np.arange(-20_000, 20_001)
    if name == "log1p":
        return (whole + 20_000) / 65536
    points = np.concatenate([whole / 64, whole / 2**20])
    return np.abs(points[np.abs(points) <= 37]) if name == "normal_tail" else points


def reference(name: str, x: float) -> float:
    if name == "sigmoid":
        return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
    if name == "softplus":
        return max(x, 0) + math.log1p(math.exp(-abs(x)))
    if name == "normal_tail":
        return math.erfc(x / math.sqrt(2)) / 2
    return getattr(math, name)(x)


@pytest.mark.parametrize("name", GOLDEN_CRC)
def test_relative_accuracy(name: str) -> None:
    x = grid(name)[::7]
    expected = np.array([reference(name, float(v)) for v in x])
    found = getattr(portable, name)(x)
    # Near 37 the tail loses digits to the square of its argument.
    tolerance = np.where(x > 8, 3e-13, 1e-13) if name == "normal_tail" else 1e-15
    assert found.dtype == np.float64
    assert np.all(np.abs(found - expected) <= tolerance * np.abs(expected))


@pytest.mark.parametrize("name", GOLDEN_CRC)
def test_same_bits_everywhere(name: str) -> None:
    results = getattr(portable, name)(grid(name))
    assert zlib.crc32(results.astype("<f8").tobytes()) == GOLDEN_CRC[name]


@pytest.mark.parametrize("name", GOLDEN_CRC)
def test_a_number_does_not_depend_on_its_neighbours(name: str) -> None:
    # Vectorised loops treat the last few entries of an array differently.
    x = grid(name)[:61]
    function = getattr(portable, name)
    assert function(x).tolist() == [function(x[i : i + 1])[0] for i in range(len(x))]


def test_exact_values_and_ends() -> None:
    ends = np.array([0.0, -1e9, 1e9])
    assert portable.exp(ends).tolist() == [1, *portable.exp(np.array([-708.0, 708.0]))]
    assert portable.sigmoid(ends)[[0, 2]].tolist() == [0.5, 1]
    assert 0 < portable.sigmoid(ends)[1] < 1e-300
    assert portable.tanh(ends).tolist() == [0, -1, 1]
    assert portable.softplus(ends[2:]).tolist() == [1e9]
    assert portable.normal_tail(ends[[0, 2]]).tolist() == [0.5, portable.normal_tail(np.array([37.0]))[0]]


def test_signs_of_zero_and_tiny_numbers() -> None:
    x = np.array([-0.0, 0.0, 1e-300, -1e-300])
    assert portable.tanh(x).tolist() == x.tolist()
    assert np.signbit(portable.tanh(x)).tolist() == [True, False, False, True]
