"""Pictures as the space of a diffusion."""

from __future__ import annotations

import pytest
import torch
from gaussian import GaussianDenoiser

from diffdemo.errors import RateError
from diffdemo.models.space import PixelSpace, Space


def test_pictures_pass_unchanged():
    space: Space = PixelSpace(GaussianDenoiser(0.1), num_parameters=7, num_bytes=28)
    image = torch.rand(1, 3, 5, 9, dtype=torch.float64) * 2 - 1
    signal = space.to_signal(image)
    assert torch.equal(signal, image.float())
    assert torch.equal(space.to_image(signal, 5, 9), signal)
    assert (space.sigma_min, space.num_parameters, space.num_bytes) == (GaussianDenoiser.sigma_min, 7, 28)


def test_values_are_kept_in_range():
    space = PixelSpace(GaussianDenoiser(0.1))
    assert space.to_image(torch.full((1, 3, 4, 4), 1.5), 4, 4, preview=True).max() == 1


def test_a_prompt_is_refused():
    space = PixelSpace(GaussianDenoiser(0.1))
    assert space.denoiser() is space.denoiser("")
    with pytest.raises(RateError, match="no prompt"):
        space.denoiser("a cat")
