"""The closed forms of the theory page, against simulation, integration, each other, and a table of known values."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from diffdemo.theory import closed_forms
from diffdemo.theory.closed_forms import (
    ancestral,
    ancestral_star,
    distortion_at,
    dithered,
    flow,
    perfect_realism,
    posterior_mean,
    precision_at,
    rate_at,
    shannon,
)

SCHEMES = [shannon, ancestral_star, perfect_realism, posterior_mean, ancestral, flow, dithered]
PRECISIONS = np.geomspace(1e-3, 1e5, 60)
DRAWS = 400_000


def power_law(exponent: float) -> np.ndarray:
    variances = np.arange(1.0, 257.0) ** -exponent
    return variances / variances.mean()


@pytest.mark.parametrize(
    ("snr_db", "rates"),
    [
        (2.97, (0.0115, 0.0335, 0.0397, 0.0560, 0.0815)),
        (5.86, (0.0531, 0.1103, 0.1230, 0.1767, 0.2303)),
        (9.39, (0.2117, 0.3306, 0.3473, 0.5147, 0.5830)),
        (12.56, (0.5355, 0.6688, 0.6804, 0.9959, 1.0287)),
        (17.30, (1.2829, 1.3384, 1.3414, 1.7829, 1.7871)),
        (26.14, (2.7501, 2.7572, 2.7573, 3.2501, 3.2502)),
    ],
)
def test_rates_are_those_of_an_independent_computation(snr_db, rates):
    """256 components, k^-1.5, bits per dimension; the SNR is rounded to 0.005 dB, which is 0.0009 bits."""
    distortion = np.array([10 ** (-snr_db / 10)])
    schemes = (shannon, perfect_realism, flow, ancestral_star, ancestral)
    found = [float(rate_at(scheme, power_law(1.5), distortion)[0]) for scheme in schemes]
    assert found == pytest.approx(rates, abs=0.0010)


@pytest.mark.parametrize("sigma", [0.1, 0.6, 3.0])
def test_decoders_have_the_errors_and_the_rate_of_a_simulation(sigma):
    variances = np.array([9.0, 1.0, 0.25, 0.01])
    random = np.random.default_rng(0)
    x = random.standard_normal((DRAWS, 4)) * np.sqrt(variances)
    z = x + sigma * random.standard_normal((DRAWS, 4))
    mean = z * variances / (variances + sigma**2)
    left = variances * sigma**2 / (variances + sigma**2)
    drawn = mean + np.sqrt(left) * random.standard_normal((DRAWS, 4))
    precision = np.array([1 / sigma**2])
    for scheme, decoded in ((posterior_mean, mean), (ancestral, drawn), (flow, z * _integrated_flow(variances, sigma))):
        assert float(scheme(variances, precision).distortion[0]) == pytest.approx(np.mean((x - decoded) ** 2), rel=0.01)
    correlations = [np.corrcoef(x[:, i], z[:, i])[0, 1] for i in range(4)]
    information = np.mean([-0.5 * math.log2(1 - rho**2) for rho in correlations])
    assert float(flow(variances, precision).bits[0]) == pytest.approx(information, rel=0.01)


def _integrated_flow(variances: np.ndarray, sigma: float) -> np.ndarray:
    """What the probability flow dz / d(ln sigma) = z - D(z, sigma) multiplies z by, from sigma to almost nothing.

    It is linear in z. By Runge and Kutta.
    """

    def slope(z: np.ndarray, log_sigma: float) -> np.ndarray:
        return z * (1 - variances / (variances + math.exp(2 * log_sigma)))

    start, end, steps = math.log(sigma), math.log(1e-4), 200
    z, step = np.ones_like(variances), (end - start) / steps
    for i in range(steps):
        at = start + i * step
        k1 = slope(z, at)
        k2 = slope(z + step / 2 * k1, at + step / 2)
        k3 = slope(z + step / 2 * k2, at + step / 2)
        z = z + step / 6 * (k1 + 2 * k2 + 2 * k3 + slope(z + step * k3, at + step))
    return z


def test_water_filling_is_the_cheapest_of_many_allocations():
    variances = np.array([4.0, 1.0, 0.2])
    level = 0.5
    bits, distortion = shannon(variances, np.array([1 / level]))
    random = np.random.default_rng(1)
    others = random.dirichlet(np.ones(3), 20_000) * 3 * distortion[0]
    others = others[(others <= variances).all(axis=1)]
    rates = 0.5 * np.log2(variances / others).mean(axis=1)
    assert len(rates) > 1000
    assert bits[0] <= rates.min() < bits[0] + 0.02


def test_perfect_realism_is_the_cheapest_of_many_allocations():
    variances = np.array([4.0, 1.0, 0.2])
    bits, distortion = perfect_realism(variances, np.array([1.5]))
    random = np.random.default_rng(2)
    shares = random.dirichlet(np.ones(3), 20_000) * 3 * distortion[0]
    rho = 1 - shares / (2 * variances)
    rho = rho[(rho > 0).all(axis=1)]
    rates = -0.5 * np.log2(1 - rho**2).mean(axis=1)
    assert len(rates) > 1000
    assert bits[0] <= rates.min() < bits[0] + 0.02


@pytest.mark.parametrize("exponent", [0.0, 1.0, 1.5, 2.5])
def test_bounds_hold_at_every_rate(exponent):
    variances = power_law(exponent)
    bits = np.geomspace(1e-3, 3, 30)
    d = {scheme.__name__: distortion_at(scheme, variances, bits) for scheme in SCHEMES}
    slack = 1 + 1e-9
    assert (d["shannon"] <= d["posterior_mean"] * slack).all()
    assert (d["shannon"] <= d["perfect_realism"] * slack).all()
    assert (d["perfect_realism"] <= d["flow"] * slack).all()
    assert (d["perfect_realism"] <= d["ancestral_star"] * slack).all()
    assert (d["ancestral_star"] <= d["ancestral"] * slack).all()
    assert (d["posterior_mean"] <= d["flow"] * slack).all()
    assert (d["flow"] <= d["ancestral"] * slack).all()
    assert (d["shannon"] <= d["dithered"] * slack).all()
    assert np.allclose(d["ancestral"], 2 * d["posterior_mean"])


def test_flow_reaches_perfect_realism_on_a_white_source():
    bits = np.geomspace(1e-3, 6, 20)
    white = np.full(5, 0.7)
    assert np.allclose(distortion_at(flow, white, bits), distortion_at(perfect_realism, white, bits), rtol=1e-6)


@pytest.mark.parametrize(("bits", "gap_db"), [(1e-5, 0.0), (20.0, 3.0103)])
def test_gap_between_flow_and_ancestral_goes_from_nothing_to_three_decibels(bits, gap_db):
    rate = np.array([bits])
    ratio = distortion_at(ancestral, np.ones(1), rate) / distortion_at(flow, np.ones(1), rate)
    assert 10 * math.log10(ratio[0]) == pytest.approx(gap_db, abs=0.02)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.__name__)
def test_more_precision_is_more_bits_and_less_distortion(scheme):
    bits, distortion = scheme(power_law(1.5), PRECISIONS)
    assert (np.diff(bits) >= 0).all()
    assert (np.diff(distortion) < 1e-12).all()
    assert (bits >= 0).all()


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.__name__)
def test_rates_and_distortions_are_each_other_s_inverse(scheme):
    variances, bits = power_law(1.5), np.array([0.05, 0.5, 2.0])
    assert scheme(variances, precision_at(scheme, variances, bits)).bits == pytest.approx(bits, rel=1e-6)
    assert rate_at(scheme, variances, distortion_at(scheme, variances, bits)) == pytest.approx(bits, rel=1e-5)


@pytest.mark.parametrize("variance", [0.003, 0.3, 40.0])
def test_dithered_quantisation_costs_what_its_symbols_do(variance):
    """Quantise, and measure error and conditional entropy H(K | U), with the cells' exact probabilities."""
    step = math.sqrt(12)
    random = np.random.default_rng(3)
    x = math.sqrt(variance) * random.standard_normal(DRAWS)
    u = step * (random.random(DRAWS) - 0.5)
    error = x - (np.rint((x + u) / step) * step - u)
    assert error.var() == pytest.approx(1, rel=0.01)
    assert abs(np.corrcoef(error, x)[0, 1]) < 0.01
    point = dithered(np.array([variance]), np.array([1.0]))
    assert float(point.distortion[0]) == 1
    assert float(point.bits[0]) == pytest.approx(_entropy_given_dither(variance, step), rel=1e-3)


def _entropy_given_dither(variance: float, step: float) -> float:
    edges = (np.arange(-60, 62) - 0.5) * step
    total, count = 0.0, 2000
    for u in step * ((np.arange(count) + 0.5) / count - 0.5):
        below = np.array([0.5 * math.erfc(-(edge - u) / math.sqrt(2 * variance)) for edge in edges])
        p = np.diff(below)
        p = p[p > 0]
        total -= float(p @ np.log2(p))
    return total / count


def test_dithered_quantisation_is_a_quarter_of_a_bit_above_the_floor_at_high_rate():
    bits = np.array([6.0])
    excess = bits - rate_at(shannon, np.ones(1), distortion_at(dithered, np.ones(1), bits))
    assert float(excess[0]) == pytest.approx(0.5 * math.log2(2 * math.pi * math.e / 12), abs=1e-3)


def test_denoiser_is_the_conditional_mean():
    denoiser = closed_forms.GaussianDenoiser(torch.tensor([0.5, 2.0]))
    assert denoiser.denoise(torch.tensor([1.0, 1.0]), 0.5).tolist() == pytest.approx([0.5 / 0.75, 2.0 / 2.25])
