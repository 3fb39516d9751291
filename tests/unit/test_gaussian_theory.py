"""Closed forms of Theis et al. 2022 on Gaussian sources, reached by our own samplers and our own coder.

With x ~ N(0, lambda) and z = x + sigma n: rate 1/2 log2(1 + lambda / sigma^2); error of the posterior mean
lambda sigma^2 / (lambda + sigma^2); of ancestral sampling twice that; of the flow
2 lambda (1 - sqrt(lambda / (lambda + sigma^2))).
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from diffdemo.diffusion.posterior import PosteriorStep, ideal_bits, sigma_for_energy, white_noise
from diffdemo.diffusion.samplers import ancestral, flow, last_level, noise_levels
from diffdemo.measure.bench.ideal import ideal_chain
from tests.gaussian import GaussianDenoiser

SHAPE = (1, 3, 160, 160)


def source(variance: float, sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
    x = math.sqrt(variance) * white_noise(SHAPE, 1, stream=0)
    return x, x + sigma * white_noise(SHAPE, 2, stream=0)


def result(sampler) -> torch.Tensor:
    return list(sampler)[-1][0]


def mse(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).square().mean())


@pytest.mark.parametrize("sigma", [0.05, 0.2, 0.5, 1.5])
def test_each_decoder_reaches_its_closed_form(sigma):
    variance = 0.3
    x, z = source(variance, sigma)
    denoiser = GaussianDenoiser(variance)
    least = variance * sigma**2 / (variance + sigma**2)
    gain = math.sqrt(variance / (variance + sigma**2))
    assert mse(result(flow(denoiser, z, sigma, realism=0)), x) == pytest.approx(least, rel=0.02)
    flowed = result(flow(denoiser, z, sigma, steps=24))
    assert mse(flowed, x) == pytest.approx(2 * variance * (1 - gain), rel=0.03)
    drawn = result(ancestral(denoiser, z, sigma, seed=5))
    assert mse(drawn, x) == pytest.approx(2 * least, rel=0.03)


def test_flow_and_ancestral_pictures_have_the_source_s_variance_and_the_mean_has_not():
    variance, sigma = 0.3, 0.4
    _, z = source(variance, sigma)
    denoiser = GaussianDenoiser(variance)
    assert float(result(flow(denoiser, z, sigma, steps=24)).var()) == pytest.approx(variance, rel=0.03)
    assert float(result(ancestral(denoiser, z, sigma, seed=77)).var()) == pytest.approx(variance, rel=0.03)
    blurred = variance * variance / (variance + sigma**2)
    assert float(result(flow(denoiser, z, sigma, realism=0)).var()) == pytest.approx(blurred, rel=0.03)


def test_flow_gains_three_decibels_over_ancestral_at_high_rate():
    variance, sigma = 0.3, 0.02
    x, z = source(variance, sigma)
    denoiser = GaussianDenoiser(variance)
    drawn = mse(result(ancestral(denoiser, z, sigma, seed=3, steps=64)), x)
    gain = drawn / mse(result(flow(denoiser, z, sigma)), x)
    assert 10 * math.log10(gain) == pytest.approx(3.01, abs=0.08)


def test_default_number_of_solver_steps_costs_almost_nothing():
    variance, sigma = 0.05, 0.5
    _, z = source(variance, sigma)
    denoiser = GaussianDenoiser(variance)
    exact = z * math.sqrt(variance / (variance + sigma**2))
    assert mse(result(flow(denoiser, z, sigma)), exact) < 0.01 * float(exact.square().mean())


@pytest.mark.parametrize("realism", [0.25, 0.5, 0.75])
def test_realism_moves_along_the_known_path(realism):
    """Scaling the score by kappa = 2 - realism shrinks z by (lambda / (lambda + sigma^2))^(kappa / 2)."""
    variance, sigma = 0.3, 0.3
    _, z = source(variance, sigma)
    expected = z * (variance / (variance + sigma**2)) ** ((2 - realism) / 2)
    found = result(flow(GaussianDenoiser(variance), z, sigma, realism=realism, steps=40))
    assert mse(found, expected) < 1e-4


def test_ancestral_seed_names_the_picture():
    _, z = source(0.3, 0.5)
    denoiser = GaussianDenoiser(0.3)
    first, again, other = (result(ancestral(denoiser, z, 0.5, seed=s)) for s in (71, 71, 72))
    assert torch.equal(first, again)
    assert mse(first, other) > 0.01


@pytest.mark.parametrize("steps", [20, 80, 500])
def test_sum_of_step_divergences_lies_above_mutual_information_and_converges(steps):
    variance, sigma = 1.0, 0.1
    x, _ = source(variance, sigma)
    denoiser = GaussianDenoiser(variance)
    levels = noise_levels(30.0, sigma, steps)
    z, bits = x + levels[0] * white_noise(SHAPE, 9, stream=0), 0.0
    for i in range(steps):
        step = PosteriorStep(levels[i], levels[i + 1])
        x_hat = denoiser.denoise(z, levels[i])
        bits += ideal_bits(x, x_hat, levels[i], levels[i + 1])
        z = step.mean(z, x) + step.scale * white_noise(SHAPE, 9, stream=i + 1)
    information = 0.5 * math.log2(1 + variance / sigma**2) - 0.5 * math.log2(1 + variance / 900)
    excess = bits / x.numel() / information - 1
    assert 0 < excess < {20: 0.6, 80: 0.12, 500: 0.02}[steps]


def test_ideal_chain_ends_at_the_posterior_mean():
    x, _ = source(0.3, 0.1)
    bits, x_hat = ideal_chain(GaussianDenoiser(0.3), x, 0.1)
    assert mse(x_hat, x) == pytest.approx(0.3 * 0.01 / 0.31, rel=0.03)
    assert bits / x.numel() == pytest.approx(0.5 * math.log2(1 + 0.3 / 0.01), rel=0.15)


def test_posterior_has_the_mean_and_variance_of_bayes_rule():
    """Given x and z_t, z_s is normal: check moments against a joint sample of the chain."""
    sigma_t, sigma_s, count = 0.8, 0.5, 400_000
    random = np.random.default_rng(0)
    n_s = random.standard_normal(count) * sigma_s
    n_t = n_s + random.standard_normal(count) * math.sqrt(sigma_t**2 - sigma_s**2)
    step = PosteriorStep(sigma_t, sigma_s)
    slope = np.cov(n_s, n_t)[0, 1] / n_t.var()
    assert step.ratio == pytest.approx(slope, abs=0.005)
    assert step.scale == pytest.approx((n_s - slope * n_t).std(), rel=0.005)


def test_sigma_for_energy_inverts_the_shift():
    x, z = source(0.3, 0.6)
    x_hat = GaussianDenoiser(0.3).denoise(z, 0.6)
    error = float((x - x_hat).square().sum())
    sigma_s = sigma_for_energy(0.6, error, 5000.0)
    mu = PosteriorStep(0.6, sigma_s).shift((x - x_hat).numpy())
    assert float(np.square(mu).sum()) == pytest.approx(5000, rel=1e-4)
    assert ideal_bits(x, x_hat, 0.6, sigma_s) == pytest.approx(5000 / (2 * math.log(2)), rel=1e-4)


def test_first_step_from_nothing():
    x, _ = source(0.3, 1.0)
    step = PosteriorStep(math.inf, 2.0)
    assert step.ratio == 0
    assert step.scale == 2.0
    assert torch.equal(step.mean(torch.full_like(x, 7.0), x), x)
    assert sigma_for_energy(math.inf, 100.0, 25.0) == pytest.approx(2.0)
    assert sigma_for_energy(1.0, 0.0, 25.0) == 0.0


@pytest.mark.parametrize(("high", "low"), [(1.0, 1.0), (0.5, 0.7), (1.0, 0.0)])
def test_noise_must_decrease(high, low):
    with pytest.raises(ValueError, match="decrease"):
        PosteriorStep(high, low)


def test_samplers_stop_where_the_network_has_learned_nothing():
    denoiser = GaussianDenoiser(0.3)
    denoiser.sigma_min = 0.1
    assert last_level(denoiser, 0.05) == 0.05
    assert last_level(denoiser, 1.0) == 0.1
    _, z = source(0.3, 0.05)
    assert len(list(flow(denoiser, z, 0.05))) == 1
    assert len(list(ancestral(denoiser, z, 0.05, seed=0))) == 1
