"""The wall: one picture through all codecs and decoders at equal bytes, in one grid under one zoom.

Zoom, flicker and full screen happen in the browser, in `assets/wall`, the same on the page and in the file that keeps
a wall. Its pictures are PNG files that the browser fetches itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from diffdemo.shipped import ASSETS
from diffdemo.ui import words

PARTS = ASSETS / "wall"
PROGRAM = "\n".join(
    (ASSETS / f"{script}.js").read_text() for script in ("comparer/view", "comparer/hands", "wall/wall")
)
"""The browser's part, which knows nothing of Gradio."""
BOX = (PARTS / "box.html").read_text()
_ON_THE_PAGE = """
const page = { save: (what) => trigger("save", what), halt: () => trigger("halt") };
const wall = new Wall(element.querySelector(".wall"), page);
watch("value", () => wall.show(props.value));
wall.show(props.value);
"""
STOPPED = "Stopped. What is there is complete."


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture on the wall.

    Attributes:
        caption: whose it is.
        path: of its file, served; empty while there is none.
        numbers: bytes, rate, and what was measured.
        note: why there is no picture, or what is to be known about it.
        is_preview: whether it is small and lossy, because the picture itself is on its way.
        is_larger: whether it takes more bytes than the others.
    """

    caption: str
    path: str = ""
    numbers: str = ""
    note: str = ""
    is_preview: bool = False
    is_larger: bool = False

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to come, a picture or the reason why there is none."""
        return not self.is_preview and bool(self.path or self.note)


@dataclass(frozen=True, slots=True)
class Wall:
    """What hangs there.

    Attributes:
        name: of the picture, for file names.
        width, height: in pixels.
        num_bytes: most of each file.
        cells: in their order, those to come included.
        line: how far it is, in words; empty when it is done.
    """

    name: str
    width: int
    height: int
    num_bytes: int
    cells: tuple[Cell, ...]
    line: str = ""

    def having(self, cell: Cell, line: str) -> Wall:
        """The wall with a cell in the place of the one before it."""
        cells = tuple(cell if each.caption == cell.caption else each for each in self.cells)
        return replace(self, cells=cells, line=line)

    def ended(self, line: str = "") -> Wall:
        """The wall with what is done."""
        return replace(self, cells=tuple(cell for cell in self.cells if cell.is_done), line=line)

    @property
    def title(self) -> str:
        """All of it in a line."""
        return f"{self.name}, {self.width} x {self.height} pixels, at most {words.size(self.num_bytes)} each"

    def value(self, pictures: Iterable[Any]) -> dict[str, Any]:
        """As the browser takes it; `pictures` are those of the cells, in whatever shape tells their address."""
        known = ("caption", "numbers", "note", "is_preview", "is_larger", "is_done")
        cells = [
            {name: getattr(cell, name) for name in known} | {"picture": picture}
            for cell, picture in zip(self.cells, pictures, strict=True)
        ]
        size = {"width": self.width, "height": self.height}
        return {"title": self.title, "line": self.line, "cells": cells, **size}

    def on_page(self) -> dict[str, Any]:
        """The value of the page's component: files as Gradio knows them; it adds their addresses."""
        return self.value(FileData(path=cell.path).model_dump() if cell.path else None for cell in self.cells)


EMPTY = Wall("", 1, 1, 0, ())


def build() -> gr.HTML:
    """The component, empty at first."""
    program = PROGRAM + _ON_THE_PAGE
    return gr.HTML(label="Wall", html_template=BOX, js_on_load=program, apply_default_css=False, elem_id="wall")
