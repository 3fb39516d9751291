"""What models of one size do to a picture, and what the others leave alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from diffdemo.engine.limits.allowance import LATENT_AREA, fit_picture
from diffdemo.errors import ImageError
from diffdemo.models.registry import model_spec

PICTURE = np.random.default_rng(0).integers(0, 256, (96, 160, 3), np.uint8)


def test_a_model_for_any_size_takes_the_picture_as_it_is():
    fitted = fit_picture(PICTURE, model_spec("photo-small"))
    assert fitted.pixels is PICTURE
    assert fitted.note == ""


@pytest.mark.parametrize("shape", [(96, 160), (160, 96), (32, 32), (5, 900), (20, 20)])
def test_a_model_for_squares_gets_the_middle_at_its_size(shape):
    spec = model_spec("ddpm-cifar10-32")
    pixels = np.zeros((*shape, 3), np.uint8)
    pixels[shape[0] // 2, shape[1] // 2] = 255
    fitted = fit_picture(pixels, spec)
    assert fitted.pixels.shape == (32, 32, 3)
    assert fitted.pixels.sum() > 0 or max(shape) == 900
    assert (fitted.note == "") == (shape == (32, 32))
    again = fit_picture(fitted.pixels, spec)
    assert again.pixels is fitted.pixels
    assert again.note == ""


def test_the_note_says_what_was_done():
    note = fit_picture(PICTURE, model_spec("ddpm-cifar10-32")).note
    assert note == "Cut and scaled from 160 x 96 to 32 x 32 pixels, the size that ddpm-cifar10-32 knows."
    square = fit_picture(PICTURE[:, :96], model_spec("ddpm-cifar10-32")).note
    assert square.startswith("Scaled from 96 x 96 to 32 x 32 pixels")


@pytest.mark.parametrize("shape", [(96, 160), (96, 60), (40, 4000)])
def test_a_latent_model_keeps_the_shape_and_bounds_the_area(shape):
    spec = dataclasses.replace(model_spec("sd-1.5"), native=64)
    pixels = np.zeros((*shape, 3), np.uint8)
    fitted = fit_picture(pixels, spec)
    height, width = fitted.pixels.shape[:2]
    assert height * width <= LATENT_AREA * 64**2
    if shape[0] * shape[1] <= LATENT_AREA * 64**2:
        assert fitted.pixels is pixels
    else:
        assert height * width > 0.85 * LATENT_AREA * 64**2
        assert width / height == pytest.approx(shape[1] / shape[0], rel=0.12)
        assert "the most that" in fitted.note
    assert fit_picture(fitted.pixels, spec).pixels is fitted.pixels


def test_what_is_no_picture_is_refused():
    with pytest.raises(ImageError):
        fit_picture(np.zeros((4, 4), np.uint8), model_spec("sd-1.5"))
