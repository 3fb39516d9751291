"""One picture that says it all: original, reconstruction, and the numbers, to be passed on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from diffdemo.images import Pixels

LONGEST_SIDE = 1024
"""Of each of the two pictures on a card; larger ones are scaled down, which the card then says."""
MARGIN = 24
PAPER, INK, FAINT = (250, 250, 248), (24, 26, 30), (96, 100, 108)
LARGE, SMALL = 22, 17
FEWEST = 360
"""Narrowest picture in pixels beside which words still fit."""


def result_card(original: Pixels, picture: Pixels, left: str, right: str, lines: Sequence[str]) -> Pixels:
    """Compose a card.

    Args:
        original, picture: uint8 [H,W,3] of one size.
        left, right: what stands above them.
        lines: what stands below, the first one larger.

    Returns:
        uint8 [H',W',3].
    """
    height, width = original.shape[:2]
    scale = _scale(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    column = max(size[0], FEWEST)
    notes = list(lines)
    if scale < 1:
        notes.append(f"Shown at {size[0]} x {size[1]} of {width} x {height} pixels; measured at full size.")
    texts = _wrapped(notes, 2 * column + MARGIN)
    head = MARGIN + SMALL + MARGIN // 2
    foot = sum(_line_height(i) for i in range(len(texts)))
    card = Image.new("RGB", (2 * column + 3 * MARGIN, head + size[1] + MARGIN + foot + MARGIN), PAPER)
    draw = ImageDraw.Draw(card)
    for number, (pixels, caption) in enumerate(((original, left), (picture, right))):
        x = MARGIN + number * (column + MARGIN)
        draw.text((x, MARGIN), caption, fill=FAINT, font=_font(SMALL))
        card.paste(_scaled(pixels, size), (x, head))
    y = head + size[1] + MARGIN
    for number, text in enumerate(texts):
        draw.text((MARGIN, y), text, fill=INK if number == 0 else FAINT, font=_font(LARGE if number == 0 else SMALL))
        y += _line_height(number)
    return np.asarray(card)


def _scale(height: int, width: int) -> float:
    """Small pictures are enlarged by whole numbers, so that their pixels stay pixels."""
    longest = max(height, width)
    if longest > LONGEST_SIDE:
        return LONGEST_SIDE / longest
    return max(1, FEWEST // longest)


def _scaled(pixels: Pixels, size: tuple[int, int]) -> Image.Image:
    picture = Image.fromarray(pixels)
    kind = Image.Resampling.LANCZOS if size[0] < picture.width else Image.Resampling.NEAREST
    return picture if picture.size == size else picture.resize(size, kind)


def _wrapped(lines: Sequence[str], width: int) -> list[str]:
    """Lines broken between words where they are too wide."""
    out: list[str] = []
    for number, line in enumerate(lines):
        font = _font(LARGE if number == 0 else SMALL)
        current = ""
        for word in line.split():
            longer = f"{current} {word}".strip()
            if current and font.getlength(longer) > width:
                out.append(current)
                longer = word
            current = longer
        out.append(current)
    return out


def _line_height(number: int) -> int:
    return (LARGE if number == 0 else SMALL) + 9


def _font(size: int) -> ImageFont.FreeTypeFont:
    """The typeface that comes with Pillow."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
