"""Realism is a distance between sets of pictures: what lies far away, what does not, and what it must not depend on."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from diffdemo.metrics.distortion import psnr_db
from diffdemo.metrics.sets.patches import features_from_text, features_to_text
from diffdemo.metrics.sets.realism import (
    FEATURES,
    MAX_PATCHES,
    MIN_PATCHES,
    between_halves,
    distance,
    patch_features,
)

COUNT = 6
SIDE = 320


def picture(number, seed=0):
    """320 x 320: coloured noise with a spectrum of its own, brighter and rougher in places, like a texture."""
    rng = np.random.default_rng([number, seed])
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)) + 1 / SIDE
    spectrum = frequency ** -(0.8 + 0.15 * number)
    planes = [np.fft.ifft2(np.fft.fft2(rng.normal(size=(SIDE, SIDE))) * spectrum).real for _ in range(3)]
    light = planes[0] / planes[0].std() * (10 + 15 * (x > SIDE // 2)) * (0.5 + y / SIDE)
    colour = np.stack([p / p.std() * 4 for p in planes], axis=2)
    return np.clip(light[..., None] + colour + 90 + 10 * number, 0, 255).round().astype(np.uint8)


ORIGINALS = [picture(number) for number in range(COUNT)]
FEATURES_OF_ORIGINALS = [patch_features(pixels) for pixels in ORIGINALS]


def of(change):
    """Distance of the changed originals."""
    return distance(FEATURES_OF_ORIGINALS, [patch_features(change(pixels)) for pixels in ORIGINALS])


def blurred(radius):
    return lambda pixels: np.array(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def jpeg(quality):
    def change(pixels):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "JPEG", quality=quality)
        return np.array(Image.open(out).convert("RGB"))

    return change


def noisy(deviation):
    rng = np.random.default_rng(7)
    return lambda pixels: np.clip(pixels + rng.normal(0, deviation, pixels.shape), 0, 255).round().astype(np.uint8)


def expected(deviation):
    """The posterior mean of the picture under white noise, as for a Gaussian source: fine detail goes first."""

    def change(pixels):
        planes = np.fft.fft2(pixels.astype(np.float64), axes=(0, 1))
        power = (np.abs(planes) ** 2).mean(axis=2, keepdims=True)
        shrunk = planes * (power / (power + pixels.shape[0] * pixels.shape[1] * deviation**2))
        return np.clip(np.fft.ifft2(shrunk, axes=(0, 1)).real, 0, 255).round().astype(np.uint8)

    return change


def test_equal_sets_are_at_distance_zero():
    same = of(lambda pixels: pixels)
    assert same.value == pytest.approx(0, abs=1e-12)
    assert same.error == pytest.approx(0, abs=1e-12)
    assert same.pictures == COUNT


@pytest.mark.parametrize(
    ("change", "strengths"),
    [(blurred, (0.6, 1.0, 2.0)), (jpeg, (60, 15, 5)), (noisy, (4, 8, 16)), (expected, (6, 16, 40))],
)
def test_every_damage_is_seen_and_the_more_of_it_the_farther(change, strengths):
    distances = [of(change(strength)) for strength in strengths]
    values = [each.value for each in distances]
    assert values == sorted(values)
    assert values[0] > 0.02
    assert values[-1] > distances[-1].error
    assert values[-1] > 3 * values[0]


def test_other_pixels_of_the_same_texture_are_near():
    fresh = [picture(number, seed=1) for number in range(COUNT)]
    assert max(psnr_db(a, b) for a, b in zip(ORIGINALS, fresh, strict=True)) < 22
    near = distance(FEATURES_OF_ORIGINALS, [patch_features(pixels) for pixels in fresh])
    assert abs(near.value) < 0.05
    assert near.value < 0.1 * of(blurred(1.0)).value


def test_nothing_lies_between_halves_of_the_originals():
    halves = between_halves([patch_features(picture(number % COUNT, seed=number)) for number in range(2 * COUNT)])
    assert abs(halves.value) < 3 * halves.error
    assert halves.value < 0.05 * of(blurred(1.0)).value
    assert halves.pictures == 2 * COUNT


def test_the_order_of_pictures_and_of_patches_is_of_no_effect():
    changed = [patch_features(blurred(1.0)(pixels)) for pixels in ORIGINALS]
    straight = distance(FEATURES_OF_ORIGINALS, changed)
    turned = distance(FEATURES_OF_ORIGINALS[::-1], changed[::-1])
    shuffled = distance(FEATURES_OF_ORIGINALS, [np.random.default_rng(3).permutation(each) for each in changed])
    assert turned.value == pytest.approx(straight.value, rel=1e-9)
    assert turned.error == pytest.approx(straight.error, rel=1e-9)
    assert shuffled.value == pytest.approx(straight.value, rel=1e-9)


def test_brightness_is_of_no_effect():
    dark = [pixels // 2 + 20 for pixels in ORIGINALS]
    bright = [pixels + 60 for pixels in dark]
    for a, b in zip(dark, bright, strict=True):
        np.testing.assert_allclose(patch_features(a).astype(float), patch_features(b).astype(float), atol=0.02)


def test_fewer_pictures_say_less():
    rng = np.random.default_rng(0)
    originals, changed = ([rng.normal(size=(MIN_PATCHES // 2, FEATURES)) for _ in range(2)] for _ in range(2))
    assert distance(originals, changed).error is None
    assert distance(originals[:1], changed[:1]) is None
    assert distance([originals[0], originals[1][:-1]], [changed[0], changed[1][:-1]]) is None


def test_the_error_covers_what_other_pictures_would_have_said():
    """Halves of a larger set differ by about the errors that each of them states."""
    many = [picture(number % COUNT, seed=10 + number) for number in range(24)]
    x, y = [patch_features(p) for p in many], [patch_features(blurred(1.0)(p)) for p in many]
    first, second = distance(x[:12], y[:12]), distance(x[12:], y[12:])
    assert abs(first.value - second.value) < 3 * np.hypot(first.error, second.error)
    assert 0 < first.error < first.value


def test_features_are_as_many_as_stated_and_travel_as_text():
    small, wide = ORIGINALS[0][:63], np.tile(ORIGINALS[0], (3, 4, 1))
    assert patch_features(small).shape == (0, FEATURES)
    assert FEATURES_OF_ORIGINALS[0].shape == (25, FEATURES)
    assert patch_features(wide).shape == (MAX_PATCHES, FEATURES)
    text = features_to_text(FEATURES_OF_ORIGINALS[0])
    np.testing.assert_array_equal(features_from_text(text, FEATURES), FEATURES_OF_ORIGINALS[0])
    assert distance([patch_features(small)] * 3, [patch_features(small)] * 3) is None
