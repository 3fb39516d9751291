"""Pictures beside each other with words and numbers, as one picture to pass on: the result card, and a wall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from diffdemo.images import Pixels

LONGEST_SIDE = 1024
"""Of each picture; larger ones are scaled down, which the sheet then says."""
MARGIN = 24
PAPER, INK, FAINT = (250, 250, 248), (24, 26, 30), (96, 100, 108)
LARGE, SMALL = 22, 17
FEWEST = 360
"""Narrowest picture in pixels beside which words still fit."""


@dataclass(frozen=True, slots=True)
class Plate:
    """A picture, uint8 [H,W,3], with what stands above and below it."""

    pixels: Pixels
    caption: str
    numbers: str = ""


def sheet(plates: Sequence[Plate], lines: Sequence[str], columns: int) -> Pixels:
    """Compose a sheet.

    Args:
        plates: at least one, all of one size.
        lines: what stands below, the first one larger.
        columns: plates in a row.

    Returns:
        uint8 [H',W',3].
    """
    height, width = plates[0].pixels.shape[:2]
    scale = _scale(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    column, columns = max(size[0], FEWEST), min(columns, len(plates))
    notes = list(lines)
    if scale < 1:
        notes.append(f"Shown at {size[0]} x {size[1]} of {width} x {height} pixels; measured at full size.")
    breadth = columns * (column + MARGIN) - MARGIN
    foot = [
        (text, LARGE if number == 0 else SMALL)
        for number, line in enumerate(notes)
        for text in _wrapped(line, breadth, LARGE if number == 0 else SMALL)
    ]
    words = [(_wrapped(plate.caption, column), _wrapped(plate.numbers, column)) for plate in plates]
    above, below = (max(len(each[place]) for each in words) for place in (0, 1))
    row = (above + below) * _height(SMALL) + size[1] + MARGIN
    rows = -(-len(plates) // columns)
    paper = MARGIN + rows * row + sum(_height(font) for _, font in foot) + MARGIN
    whole = Image.new("RGB", (breadth + 2 * MARGIN, paper), PAPER)
    draw = ImageDraw.Draw(whole)
    for number, (plate, (caption, numbers)) in enumerate(zip(plates, words, strict=True)):
        x, y = MARGIN + number % columns * (column + MARGIN), MARGIN + number // columns * row
        top = y + above * _height(SMALL)
        whole.paste(_scaled(plate.pixels, size), (x, top))
        _write(draw, x, top - len(caption) * _height(SMALL), [(text, SMALL) for text in caption], INK)
        _write(draw, x, top + size[1] + 4, [(text, SMALL) for text in numbers], FAINT)
    y = MARGIN + rows * row
    _write(draw, MARGIN, y, foot[:1], INK)
    _write(draw, MARGIN, y + _height(LARGE), foot[1:], FAINT)
    return np.asarray(whole)


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


def _wrapped(line: str, width: int, font: int = SMALL) -> list[str]:
    """A line broken between words where it is too wide; [] for an empty one."""
    out: list[str] = []
    for word in line.split():
        longer = f"{out[-1]} {word}" if out else word
        out[-1:] = [longer] if _font(font).getlength(longer) <= width or not out else [out[-1], word]
    return out


def _write(draw: ImageDraw.ImageDraw, x: int, y: int, texts: Sequence[tuple[str, int]], ink: tuple[int, ...]) -> None:
    for text, font in texts:
        draw.text((x, y), text, fill=ink, font=_font(font))
        y += _height(font)


def _height(font: int) -> int:
    return font + 9


def _font(size: int) -> ImageFont.FreeTypeFont:
    """The typeface that comes with Pillow."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
