"""Blotches of known size are measured as what they are, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffdemo.metrics.colour import luma_chroma
from diffdemo.metrics.flat_region_error import blotches, flat_regions

SIDE = 256


def sky():
    """A slope with the noise of a sensor."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    noise = np.random.default_rng(0).normal(0, 1.5, (SIDE, SIDE, 1))
    return (100 + x / 8 + y / 10)[..., None] + noise + np.array([0, 5, 20])


def half_rough():
    """The sky, with stripes from the middle to the right."""
    pixels = sky()
    pixels[:, SIDE // 2 :] += 60 * (np.arange(SIDE // 2) // 4 % 2)[None, :, None]
    return pixels


def eight_bit(pixels):
    return np.clip(pixels, 0, 255).round().astype(np.uint8)


def wave(period, rms):
    """[H,W,1], of both directions."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] * (2 * np.pi / period)
    return (2 * rms * np.sin(x) * np.sin(y))[..., None]


GREY = np.ones(3)
REDDISH = np.array([1.402, -0.714136, 0.0])
"""RGB of one level of Cr, with no light in it."""


def test_a_coloured_blotch_is_measured_as_its_amplitude():
    found = blotches(eight_bit(sky()), eight_bit(sky() + wave(64, 3.0) * REDDISH))
    assert found.chroma == pytest.approx(3.0, rel=0.1)
    assert found.luma < 0.15
    assert found.share > 0.95


def test_a_grey_one_is_luma():
    found = blotches(eight_bit(sky()), eight_bit(sky() + wave(64, 3.0) * GREY))
    assert found.luma == pytest.approx(3.0, rel=0.1)
    assert found.chroma < 0.15


def test_a_wrong_shade_is_a_blotch_as_wide_as_the_picture():
    assert blotches(eight_bit(sky()), eight_bit(sky() + 2 * GREY)).luma == pytest.approx(2, rel=0.02)


def test_half_the_power_counts_at_the_cutoff():
    # A product of two waves of period 16 sqrt(2) lies at 1/16 cycle per pixel, along the diagonals.
    found = blotches(eight_bit(sky()), eight_bit(sky() + wave(16 * np.sqrt(2), 4.0) * GREY))
    assert found.luma**2 == pytest.approx(8, rel=0.1)


@pytest.mark.parametrize("fine", [wave(4, 3.0), np.random.default_rng(1).normal(0, 3.0, (SIDE, SIDE, 1))])
def test_fine_errors_of_the_same_power_are_none(fine):
    found = blotches(eight_bit(sky()), eight_bit(sky() + fine * GREY))
    assert found.luma < 0.45, "white noise has 1/64 of its power down there"


def test_errors_outside_of_flat_regions_do_not_count():
    original = half_rough()
    damaged = original.copy()
    damaged[:, SIDE // 2 :] += 20
    found = blotches(eight_bit(original), eight_bit(damaged))
    assert 0.3 < found.share < 0.5
    assert found.luma < 0.1
    damaged = original.copy()
    damaged[:, : SIDE // 2 - 32] += 2
    assert 1 < blotches(eight_bit(original), eight_bit(damaged)).luma < 2.1


def test_without_flat_regions_there_is_nothing_to_say():
    rough = eight_bit(np.random.default_rng(2).normal(128, 30, (SIDE, SIDE, 3)))
    assert blotches(rough, rough) is None


def test_equal_pictures_have_none():
    found = blotches(eight_bit(sky()), eight_bit(sky()))
    assert (found.luma, found.chroma) == (0, 0)


def test_flat_regions_end_before_edges():
    flat = flat_regions(luma_chroma(eight_bit(half_rough()))[0])
    assert torch.all(flat[:, SIDE // 2 - 8 :] == 0)
    assert torch.all(flat[:, : SIDE // 2 - 40] == 1)
