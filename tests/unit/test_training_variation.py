"""Pictures from farther away and otherwise exposed: still pictures of the same things."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from diffdemo.training.pictures import PictureFolder
from diffdemo.training.variation import FARTHEST, MOST_LOG_GAMMA, exposed_otherwise, farther, reduced


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_sides_are_log_uniform_up_to_twice_and_inside_the_picture():
    source = generator()
    sides = torch.tensor([farther(128, 1000, source) for _ in range(2000)])
    assert (int(sides.min()), int(sides.max())) == (128, round(128 * FARTHEST))
    # Half of them below the geometric mean of the ends, within four standard deviations.
    assert abs(float((sides < 128 * math.sqrt(FARTHEST)).float().mean()) - 0.5) < 4 * 0.5 / math.sqrt(2000)
    assert {farther(128, 150, source) for _ in range(400)} == set(range(128, 151))
    assert {farther(128, 128, source) for _ in range(9)} == {128}


def test_a_reduced_region_is_what_pillow_makes_of_it():
    region = np.random.default_rng(1).integers(90, 166, (97, 97, 3), np.uint8)  # Pillow clips between its two passes.
    region[:, 40:] //= 2
    found = reduced(torch.from_numpy(region).permute(2, 0, 1), 64).permute(1, 2, 0).numpy().astype(int)
    expected = np.asarray(Image.fromarray(region).resize((64, 64), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(found - expected).max() <= 1
    whole = torch.from_numpy(region).permute(2, 0, 1)
    assert reduced(whole, 97) is whole


def test_exposure_moves_grey_and_neither_black_nor_white():
    levels = torch.arange(256, dtype=torch.uint8).repeat(3, 4, 1)
    ends, middles, source = set(), [], generator()
    for _ in range(300):
        exposed = exposed_otherwise(levels, source)
        assert exposed.dtype == torch.uint8
        assert torch.equal(exposed[0, 0].int().sort().values, exposed[0, 0].int()), "brighter stays brighter"
        ends.add((int(exposed[0, 0, 0]), int(exposed[0, 0, -1])))
        middles.append(int(exposed[1, 2, 64]))
    assert ends == {(0, 255)}
    low, high = (255 * (64 / 255) ** math.exp(sign * MOST_LOG_GAMMA) for sign in (1, -1))
    assert round(low) <= min(middles) < low + 3 < high - 3 < max(middles) <= round(high)


@pytest.mark.parametrize(("varied", "least", "most"), [(0.0, 0, 0), (0.5, 0.55, 0.9), (1.0, 1, 1)])
def test_a_share_of_crops_is_varied(tmp_path: Path, varied, least, most):
    """Of a ramp that rises by one level a pixel, any other view has other steps or another brightness."""
    ramp = np.broadcast_to(np.arange(60, 188, dtype=np.uint8)[None, :, None], (128, 128, 3))
    for number in range(8):
        Image.fromarray(ramp).save(tmp_path / f"r{number}_0.png")
    pictures = PictureFolder(tmp_path, smallest_side=64, halvings=0)
    crops = ((pictures.crops(200, 64, generator(), varied) + 1) * 127.5).round()
    # Along the ramp, whichever way the crop was turned.
    steps = torch.maximum(crops.diff(dim=3).abs().amax(dim=(1, 2, 3)), crops.diff(dim=2).abs().amax(dim=(1, 2, 3)))
    spans = crops.amax(dim=(1, 2, 3)) - crops.amin(dim=(1, 2, 3))
    is_plain = (steps == 1) & (spans == 63)
    assert least <= float((~is_plain).float().mean()) <= most


def test_what_is_not_varied_is_cut_as_before_there_was_a_choice(tmp_path: Path):
    """Nothing is drawn where nothing may vary: a training that is resumed goes on with the crops it would have seen."""
    for number in range(8):
        Image.fromarray(np.full((70, 70, 3), 20 * number, np.uint8)).save(tmp_path / f"g{number}_0.png")
    pictures, source, other = PictureFolder(tmp_path, smallest_side=64), generator(3), generator(3)
    pictures.crops(1, 64, source)
    torch.multinomial(pictures.weights, 1, generator=other)
    for high in (7, 7, 8):
        torch.randint(high, (), generator=other)
    assert torch.equal(source.get_state(), other.get_state())
