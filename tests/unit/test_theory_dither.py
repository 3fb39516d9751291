"""Rounding with dither, on pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from diffdemo.errors import ImageError, RateError
from diffdemo.theory.dither import STEPS, dither, plain


def middle_grey() -> np.ndarray:
    """Away from black and white, so that nothing is clipped."""
    return np.random.default_rng(5).integers(90, 166, (128, 128, 3)).astype(np.uint8)


@pytest.mark.parametrize("step", [16, 40])
def test_error_has_the_variance_of_a_uniform_one_whatever_the_picture(step):
    for pixels in (middle_grey(), np.full((128, 128, 3), 128, np.uint8)):
        rounded = dither(pixels, step)
        expected = 10 * math.log10(255**2 / (step**2 / 12 + 1 / 12))
        assert rounded.psnr_db == pytest.approx(expected, abs=0.1)


def test_error_does_not_depend_on_the_picture_as_that_of_rounding_does():
    ramp = np.repeat(np.linspace(60, 190, 256).astype(np.uint8)[None, :, None], 256, axis=0).repeat(3, axis=2)
    bias = {
        name: (rounded.pixels.astype(float) - ramp).mean(axis=(0, 2))
        for name, rounded in (("dither", dither(ramp, 48)), ("plain", plain(ramp, 48)))
    }
    assert np.abs(bias["dither"]).max() < 3
    assert np.abs(bias["plain"]).max() > 20


def test_plain_rounding_leaves_multiples_of_the_step():
    assert set(np.unique(plain(middle_grey(), 50).pixels)) <= {0, 50, 100, 150, 200, 250}


def test_bits_are_the_entropy_of_the_symbols():
    pixels = middle_grey()
    symbols = np.rint(pixels.astype(float) / 25).astype(int)
    entropy = 0.0
    for colour in range(3):
        _, counts = np.unique(symbols[..., colour], return_counts=True)
        p = counts / counts.sum()
        entropy -= float(p @ np.log2(p))
    assert plain(pixels, 25).bpp == pytest.approx(entropy)


def test_what_the_decoder_can_infer_costs_nothing():
    """The symbols of a flat picture follow from the dither, which the decoder knows."""
    flat = np.full((64, 64, 3), 100, np.uint8)
    assert plain(flat, 30).bpp == 0
    assert dither(flat, 30).bpp == 0


def test_dither_hardly_changes_the_rate_of_a_busy_picture():
    assert dither(middle_grey(), 30).bpp == pytest.approx(plain(middle_grey(), 30).bpp, rel=0.1)


def test_coarser_is_cheaper_and_worse():
    rounded = [dither(middle_grey(), step) for step in (8, 16, 32, 64)]
    assert [each.bpp for each in rounded] == sorted((each.bpp for each in rounded), reverse=True)
    assert [each.psnr_db for each in rounded] == sorted((each.psnr_db for each in rounded), reverse=True)


def test_the_seed_names_the_noise():
    one, again, other = (dither(middle_grey(), 40, seed=seed).pixels for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("step", [STEPS[0] - 1, STEPS[1] + 1, math.nan])
@pytest.mark.parametrize("rounding", [dither, plain])
def test_steps_out_of_range_are_refused(rounding, step):
    with pytest.raises(RateError, match="step"):
        rounding(middle_grey(), step)


def test_only_pictures_are_rounded():
    with pytest.raises(ImageError):
        dither(np.zeros((4, 4), np.uint8), 16)
