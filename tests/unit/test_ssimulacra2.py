"""SSIMULACRA 2 by its package, against the algorithm written down a second time."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from diffdemo.images import Pixels
from diffdemo.metrics.registry import METRICS
from diffdemo.metrics.ssimulacra2 import SMALLEST_SIDE, missing, ssimulacra2

installed = pytest.mark.skipif(
    importlib.util.find_spec("ssimulacra2") is None, reason="the package ssimulacra2 is not installed"
)
ABSORBANCE = (
    (0.30, 0.622, 0.078),
    (0.23, 0.692, 0.078),
    (0.24342268924547819, 0.20476744424496821, 0.5518098665095536),
)
BIAS = 0.0037930732552754493


def noisy(pixels: Pixels, deviation: float) -> Pixels:
    noise = np.random.default_rng(7).normal(0, deviation, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def second_implementation(original: Pixels, picture: Pixels) -> float:
    """From the description in the program's source: six scales in XYB, SSIM, ringing and blur, 1- and 4-norms."""
    from ssimulacra2.ssimulacra2 import weights

    light = [_linear(pixels) for pixels in (original, picture)]
    statistics = []
    while len(statistics) < 6 and min(light[0].shape[2:]) >= 8:
        statistics.append(_of_scale(*map(_xyb, light)))
        light = [F.avg_pool2d(each, 2) for each in light]
    # Weights by channel, scale and norm: of SSIM, of what was added, of what was lost.
    values = torch.stack(statistics, dim=1)  # [3 channels, scales, 2 norms, 3 kinds]
    known = torch.tensor(weights[: values.numel()], dtype=torch.float64).reshape(values.shape)
    x = 0.9562382616834844 * float((known * values).sum())
    x = 2.326765642916932 * x - 0.020884521182843837 * x**2 + 6.248496625763138e-05 * x**3
    return 100 - 10 * x**0.6276336467831387 if x > 0 else 100.0


def _linear(pixels: Pixels) -> Tensor:
    """IEC 61966-2-1, [1,3,H,W]."""
    v = torch.tensor(pixels, dtype=torch.float64).permute(2, 0, 1)[None] / 255
    return torch.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def _xyb(light: Tensor) -> Tensor:
    mixed = torch.einsum("ck,nkhw->nchw", torch.tensor(ABSORBANCE, dtype=torch.float64), light) + BIAS
    long, middle, short = (mixed.clamp_min(0) ** (1 / 3) - BIAS ** (1 / 3))[0]
    x, y = (long - middle) / 2, (long + middle) / 2
    return torch.stack([14 * x + 0.42, y + 0.01, short - y + 0.55])[None]


def _of_scale(a: Tensor, b: Tensor) -> Tensor:
    """[3 channels, 2 norms, 3 kinds]."""
    mean_a, mean_b = _blur(a), _blur(b)
    luminance = 1 - (mean_a - mean_b) ** 2
    covariance = 2 * (_blur(a * b) - mean_a * mean_b) + 0.0009
    variances = _blur(a * a) - mean_a**2 + _blur(b * b) - mean_b**2 + 0.0009
    lost_similarity = (1 - luminance * covariance / variances).clamp_min(0)
    edges = (1 + (b - mean_b).abs()) / (1 + (a - mean_a).abs()) - 1
    kinds = [lost_similarity, edges.clamp_min(0), (-edges).clamp_min(0)]
    norms = [[kind.mean(dim=(2, 3))[0], (kind**4).mean(dim=(2, 3))[0] ** 0.25] for kind in kinds]
    return torch.stack([torch.stack(pair, dim=1) for pair in norms], dim=2)


def _blur(planes: Tensor) -> Tensor:
    """A Gaussian of 1.5 pixels; beyond the left and right border there is nothing, beyond the others a mirror."""
    taps = torch.exp(-(torch.arange(-5.0, 6.0, dtype=torch.float64) ** 2) / (2 * 1.5**2))
    taps = (taps / taps.sum()).expand(3, 1, 1, 11)
    mirrored = torch.cat([planes[:, :, :5].flip(2), planes, planes[:, :, -5:].flip(2)], dim=2)
    return F.conv2d(F.conv2d(mirrored, taps.transpose(2, 3), groups=3), taps, groups=3, padding=(0, 5))


@installed
@pytest.mark.parametrize("deviation", [2, 8, 25, 80])
def test_it_agrees_with_a_second_implementation(large_picture: Pixels, deviation: float) -> None:
    a = np.ascontiguousarray(np.tile(large_picture, (2, 2, 1))[:256, :320])
    b = noisy(a, deviation)
    assert ssimulacra2(a, b) == pytest.approx(second_implementation(a, b), abs=1e-3)


@installed
def test_it_falls_with_the_distortion(large_picture: Pixels) -> None:
    assert ssimulacra2(large_picture, large_picture) == 100
    values = [ssimulacra2(large_picture, noisy(large_picture, deviation)) for deviation in (2, 8, 25, 80)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 60
    assert values[-1] < 0


@installed
def test_tiny_pictures_have_none(large_picture: Pixels) -> None:
    tiny = large_picture[: SMALLEST_SIDE - 1]
    assert ssimulacra2(tiny, tiny) is None
    assert ssimulacra2(large_picture[:SMALLEST_SIDE], large_picture[:SMALLEST_SIDE]) == 100


def test_without_the_package_there_is_none(large_picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert ssimulacra2(large_picture, large_picture) is None
    assert missing() == METRICS["ssimulacra2"].missing() == "The package ssimulacra2 is not installed."
