"""The bound on what a prior with local variances could save."""

from __future__ import annotations

import math

import pytest
import torch

from diffdemo.measure.bench.prior import local_bits, prior_row


class Shrinking:
    """The denoiser of white noise."""

    sigma_min = 0.001

    def __init__(self, variance: float) -> None:
        self.variance = variance

    def denoise(self, z: torch.Tensor, sigma: float) -> torch.Tensor:
        return z * self.variance / (self.variance + sigma**2)


def test_blocks_of_equal_energy_cost_what_one_variance_costs() -> None:
    mu = torch.full((1, 3, 32, 32), 0.5)
    assert local_bits(mu) == pytest.approx(3 * 32 * 32 / 2 * math.log2(1.25))


def test_blocks_of_unequal_energy_cost_less() -> None:
    mu = torch.zeros(1, 3, 32, 32)
    mu[..., :8] = 2.0
    expected = 3 * 32 * 8 / 2 * math.log2(5)
    assert local_bits(mu) == pytest.approx(expected)
    assert local_bits(mu) < 0.9 * 3 * 32 * 32 / 2 * math.log2(1 + float(mu.square().mean()))


def test_more_steps_bring_all_priors_together() -> None:
    torch.manual_seed(0)
    # Half of the picture is flat: the error is not the same everywhere.
    x = 0.4 * torch.randn(1, 3, 64, 64)
    x[..., :32] *= 0.1
    few, many = (prior_row(Shrinking(0.08), x, 1.0, steps) for steps in (4, 32))
    assert few["saving %"] > 2 * many["saving %"] > 0
    for row in (few, many):
        assert row["own variance for 8x8 blocks, bpp"] < 1 < row["prior of the posterior's variance, bpp"]
    # The rate is what was asked for: with it, the noise level is that of the closed form, a little later in few steps.
    assert few["sigma"] > many["sigma"]
    assert few["dB"] < many["dB"]
