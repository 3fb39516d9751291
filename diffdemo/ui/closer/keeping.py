"""A wall to keep: one HTML file that needs nothing else, or a picture for papers and talks."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from diffdemo.images import Pixels, to_png
from diffdemo.pictures import load_picture
from diffdemo.shipped import ASSETS
from diffdemo.ui.closer.sheet import Plate, sheet
from diffdemo.ui.closer.wall import BOX, PARTS, PROGRAM, Wall

COLUMNS = 4
MADE_WITH = "Bytes of whole files, headers included. Made with diffdemo: lossy image compression with diffusion models."
Part = Sequence[float]
"""Left, top, right and bottom of what is seen of each picture, as shares of its sides."""


def as_html(wall: Wall) -> bytes:
    """The wall with its pictures and programs in it; they are the PNG files of the page."""
    done = wall.ended()
    encoded = (base64.b64encode(Path(cell.path).read_bytes()).decode() if cell.path else "" for cell in done.cells)
    value = done.value({"url": f"data:image/png;base64,{data}"} if data else None for data in encoded)
    style = "\n".join((ASSETS / part).read_text() for part in ("comparer/style.css", "wall/style.css"))
    page = Template((PARTS / "page.html").read_text()).substitute(
        title=escape(wall.title),
        style=style,
        box=BOX,
        program=PROGRAM,
        value=json.dumps(value).replace("<", "\\u003c"),
        note=escape(MADE_WITH),
    )
    return page.encode()


def as_png(wall: Wall, part: Part = (0.0, 0.0, 1.0, 1.0)) -> bytes:
    """The pictures of the wall in a grid, each with its words, cut to the part that is seen of them."""
    shown = [cell for cell in wall.ended().cells if cell.path]
    plates = [
        Plate(cut(load_picture(cell.path).pixels, part), cell.caption, " ".join((cell.numbers, cell.note)))
        for cell in shown
    ]
    absent = [f"{cell.caption}: {cell.note}" for cell in wall.cells if cell.note and not cell.path]
    height, width = plates[0].pixels.shape[:2]
    seen = [] if width == wall.width and height == wall.height else [f"Shown are {width} x {height} of these pixels."]
    return to_png(sheet(plates, [wall.title, *seen, *absent, MADE_WITH], COLUMNS))


def cut(pixels: Pixels, part: Part) -> Pixels:
    """A part of a picture, in whole pixels and at least one."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = (round(share * side) for share, side in zip(part, (width, height) * 2, strict=True))
    left, top = min(left, width - 1), min(top, height - 1)
    return pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
