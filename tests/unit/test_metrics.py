"""Distortion measures against other implementations and against what must hold of any."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from diffdemo.images import Pixels
from diffdemo.metrics.distortion import MS_SSIM_SMALLEST_SIDE, MS_SSIM_WEIGHTS, bits_per_pixel, ms_ssim, psnr_db


def noisy(pixels: Pixels, deviation: float) -> Pixels:
    noise = np.random.default_rng(7).normal(0, deviation, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def reference_ms_ssim(a: Pixels, b: Pixels) -> float:
    """Wang et al. 2003 in 64-bit numpy, one channel and one scale at a time."""
    results = []
    for channel in range(3):
        x, y = a[..., channel].astype(np.float64), b[..., channel].astype(np.float64)
        result = 1.0
        for scale, weight in enumerate(MS_SSIM_WEIGHTS):
            luminance, contrast = reference_terms(x, y)
            result *= np.mean(luminance * contrast if scale == 4 else contrast) ** weight
            x, y = halve(x), halve(y)
        results.append(result)
    return float(np.mean(results))


def reference_terms(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    def blur(values: np.ndarray) -> np.ndarray:
        for axis in (0, 1):
            values = gaussian_filter1d(values, 1.5, axis=axis, radius=5)
        return values[5:-5, 5:-5]

    mean_x, mean_y = blur(x), blur(y)
    covariance = blur(x * y) - mean_x * mean_y
    var_x, var_y = blur(x**2) - mean_x**2, blur(y**2) - mean_y**2
    c1, c2 = 2.55**2, 7.65**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance, (2 * covariance + c2) / (var_x + var_y + c2)


def halve(x: np.ndarray) -> np.ndarray:
    height, width = x.shape[0] // 2, x.shape[1] // 2
    return x[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean(axis=(1, 3))


@pytest.mark.parametrize("deviation", [1, 10, 60])
def test_psnr_agrees_with_scikit_image(texture: Pixels, deviation: float) -> None:
    other = noisy(texture, deviation)
    assert psnr_db(texture, other) == pytest.approx(peak_signal_noise_ratio(texture, other), abs=1e-9)


def test_psnr_of_known_errors() -> None:
    black = np.zeros((5, 7, 3), np.uint8)
    assert psnr_db(black, black) == math.inf
    assert psnr_db(black, black + 255) == pytest.approx(0)
    assert psnr_db(black, black + 1) == pytest.approx(20 * math.log10(255))
    assert psnr_db(black + 1, black) == psnr_db(black, black + 1), "unsigned differences must not wrap"


@pytest.mark.parametrize("deviation", [2, 15, 50])
def test_ms_ssim_agrees_with_a_second_implementation(large_picture: Pixels, deviation: float) -> None:
    other = noisy(large_picture, deviation)
    found = ms_ssim(large_picture, other)
    assert found == pytest.approx(reference_ms_ssim(large_picture, other), abs=2e-5)
    assert 0 < found < 1


def test_the_second_implementation_agrees_with_scikit_image_on_one_scale(large_picture: Pixels) -> None:
    x, y = large_picture[..., 0].astype(np.float64), noisy(large_picture, 15)[..., 0].astype(np.float64)
    luminance, contrast = reference_terms(x, y)
    expected = structural_similarity(
        x, y, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert np.mean(luminance * contrast) == pytest.approx(expected, abs=1e-9)


def test_ms_ssim_falls_with_noise(large_picture: Pixels) -> None:
    values = [ms_ssim(large_picture, noisy(large_picture, deviation)) for deviation in (0, 5, 20, 80)]
    assert values == sorted(values, reverse=True)
    assert ms_ssim(large_picture, large_picture) == pytest.approx(1, abs=1e-6)


def test_ms_ssim_of_opposites_is_a_number() -> None:
    checks = (np.indices((176, 176)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    assert ms_ssim(checks, 255 - checks) == 0


@pytest.mark.parametrize("shape", [(176, 176), (177, 191), (176, 500), (239, 183)])
def test_ms_ssim_of_odd_sizes(shape: tuple[int, int]) -> None:
    y, x = np.indices(shape)
    picture = np.stack([x % 251, y % 239, (x * y) % 256], axis=2).astype(np.uint8)
    other = noisy(picture, 20)
    assert ms_ssim(picture, other) == pytest.approx(reference_ms_ssim(picture, other), abs=2e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 65_536), (65_536, 1), (2, 2), (175, 500)])
def test_psnr_of_odd_sizes(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 250, (*shape, 3), dtype=np.uint8)
    assert psnr_db(picture, picture + 5) == pytest.approx(20 * math.log10(255 / 5))
    assert psnr_db(picture, picture) == math.inf
    assert ms_ssim(picture, picture) is None


@pytest.mark.parametrize("shape", [(MS_SSIM_SMALLEST_SIDE - 1, 400), (400, MS_SSIM_SMALLEST_SIDE - 1), (1, 1)])
def test_small_pictures_have_no_ms_ssim(shape: tuple[int, int]) -> None:
    picture = np.zeros((*shape, 3), np.uint8)
    assert ms_ssim(picture, picture) is None


def test_the_smallest_picture_that_has_one() -> None:
    picture = np.zeros((MS_SSIM_SMALLEST_SIDE, MS_SSIM_SMALLEST_SIDE, 3), np.uint8)
    assert ms_ssim(picture, picture) == pytest.approx(1)


def test_bits_per_pixel() -> None:
    assert bits_per_pixel(100, 20, 10) == 4.0
