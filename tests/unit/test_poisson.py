"""The Poisson functional representation: exact where its budget suffices, short where it does not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from diffdemo.measure.bench.poisson import PoissonChunks, simulate_poisson, zipf_bits


def shifts_and_bits(bits: float, chunks: PoissonChunks, repetitions: int) -> tuple[float, float, float]:
    random = np.random.default_rng(0)
    shifts, lengths, residuals = [], [], []
    for number in range(repetitions):
        mu = random.standard_normal(chunks.dimensions).astype(np.float32)
        mu *= np.float32(math.sqrt(2 * bits * math.log(2)) / np.linalg.norm(mu))
        _, sample, length = simulate_poisson(mu, chunks, key=(3, 4), number=number)
        shifts.append(float(sample @ mu / (mu @ mu)) - 1)
        lengths.append(length)
        residuals.append(sample - mu)
    return float(np.mean(shifts)), float(np.mean(lengths)) / bits - 1, float(np.concatenate(residuals).var())


def test_nearly_exact_with_a_generous_budget():
    shift, overhead, variance = shifts_and_bits(24, PoissonChunks(256, 4.0, 8.0), 60)
    assert abs(shift) < 0.06
    assert 0.97 < variance < 1.03
    assert overhead > 0.4  # what short chunks cost


def test_a_short_budget_shrinks_samples():
    shift, _, _ = shifts_and_bits(40, PoissonChunks(256, 8.0, 0.0), 40)
    assert shift < -0.15


def test_same_numbers_same_sample():
    mu = np.linspace(-0.2, 0.2, 300).astype(np.float32)
    first = simulate_poisson(mu, PoissonChunks(300), key=(1, 1), number=0)
    again = simulate_poisson(mu, PoissonChunks(300), key=(1, 1), number=0)
    assert first[0] == again[0]
    assert np.array_equal(first[1], again[1])


@pytest.mark.parametrize("divergence", [2.0, 8.0, 16.0])
def test_zipf_code_is_a_probability(divergence):
    head = sum(2 ** -zipf_bits(i, divergence) for i in range(1, 20_000))
    exponent = 1 + 1 / (divergence + math.log2(math.e) / math.e + 1)
    tail = 2 ** -zipf_bits(1, divergence) * 19_999.5 ** (1 - exponent) / (exponent - 1)
    assert head + tail == pytest.approx(1, abs=0.01)
