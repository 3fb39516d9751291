"""The card: both pictures are on it as they are, and words do not leave it."""

from __future__ import annotations

import numpy as np
import pytest

from diffdemo.ui.closer.result_card import FEWEST, INK, LONGEST_SIDE, MARGIN, PAPER, result_card

LINES = ("DiffC, 4,000 bytes, 0.50 bits per pixel", "PSNR 31.20 dB; JPEG of as many bytes 26.10 dB")


def picture(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_pictures_stand_on_the_card_pixel_by_pixel():
    left, right = picture(300, 400, 0), picture(300, 400, 1)
    card = result_card(left, right, "original", "flow", LINES)
    top = next(y for y in range(card.shape[0]) if (card[y, MARGIN : MARGIN + 400] == left[0]).all())
    assert (card[top : top + 300, MARGIN : MARGIN + 400] == left).all()
    assert (card[top : top + 300, 2 * MARGIN + 400 : 2 * MARGIN + 800] == right).all()
    below = card[top + 300 :]
    assert (below == INK).all(axis=2).any(), "there are words below"


@pytest.mark.parametrize("shape", [(8, 8), (1, 300), (2000, 1500), (300, 40)])
def test_any_size_gives_a_card_with_a_margin_all_around(shape):
    card = result_card(picture(*shape, 0), picture(*shape, 1), "original", "flow", [*LINES, "long words " * 60])
    assert max(card.shape) < 2 * LONGEST_SIDE + 20 * MARGIN
    assert card.shape[1] >= 2 * FEWEST
    for edge in (card[:8], card[-8:], card[:, :8], card[:, -8:]):
        assert (edge == PAPER).all()


def test_a_scaled_picture_is_said_to_be_one():
    small = result_card(picture(100, 100, 0), picture(100, 100, 1), "", "", LINES)
    large = result_card(picture(100, 2000, 0), picture(100, 2000, 1), "", "", LINES)
    assert large.shape[0] - 51 - small.shape[0] + 300 > 0
