"""A sheet of pictures: they are on it as they are, and words do not leave it."""

from __future__ import annotations

import numpy as np
import pytest

from diffdemo.ui.closer.sheet import FEWEST, INK, LONGEST_SIDE, MARGIN, PAPER, Plate, sheet

LINES = ("DiffC, 4,000 bytes, 0.50 bits per pixel", "PSNR 31.20 dB; JPEG of as many bytes 26.10 dB")


def picture(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def plates(*shape: int, count: int = 2, numbers: str = "4,000 bytes · 31.2 dB") -> list[Plate]:
    return [Plate(picture(*shape, seed), f"codec {seed}", numbers) for seed in range(count)]


def test_pictures_stand_on_the_sheet_pixel_by_pixel_row_by_row():
    shown = plates(300, 400, count=5)
    whole = sheet(shown, LINES, columns=2)
    tops = [
        y
        for y in range(whole.shape[0])
        for plate in shown
        if (whole[y, MARGIN : MARGIN + 400] == plate.pixels[0]).all()
    ]
    assert len(tops) == 3
    for number, plate in enumerate(shown):
        left, top = MARGIN + number % 2 * (400 + MARGIN), tops[number // 2]
        assert (whole[top : top + 300, left : left + 400] == plate.pixels).all()
    below = whole[tops[-1] + 300 :]
    assert (below == INK).all(axis=2).any(), "there are words below"


@pytest.mark.parametrize("shape", [(8, 8), (1, 300), (2000, 1500), (300, 40)])
def test_any_size_gives_a_sheet_with_a_margin_all_around(shape):
    whole = sheet(plates(*shape, numbers="long numbers " * 20), [*LINES, "long words " * 60], columns=2)
    assert max(whole.shape) < 2 * LONGEST_SIDE + 40 * MARGIN
    assert whole.shape[1] >= 2 * FEWEST
    for edge in (whole[:8], whole[-8:], whole[:, :8], whole[:, -8:]):
        assert (edge == PAPER).all()


def test_a_scaled_picture_is_said_to_be_one():
    small, large = (sheet(plates(100, width), LINES, columns=2) for width in (1000, 2000))
    assert large.shape[0] > small.shape[0] - 50, "half as high a picture, and one line more"
