"""One picture of an evaluation and its lines in the results file."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import PIL
import torch

from diffdemo import __version__
from diffdemo.pictures import load_picture

Row = dict[str, Any]
"""A line of the results file."""
Kind = Literal["points", "looks"]
"""What a line is about: a curve, or how its pictures look at fixed rates."""

VERSIONS = {
    "diffdemo": __version__,
    "numpy": np.__version__,
    "pillow": PIL.__version__,
    "torch": torch.__version__,
    "python": platform.python_version(),
}


class Sheet:
    """A picture, what is known about it, and lines for what is found out.

    Args:
        path: of the picture.
        known: lines of the results file.
    """

    def __init__(self, path: Path, known: Sequence[Row]) -> None:
        self.name = path.name
        self.pixels = load_picture(path).pixels
        self._lines = [row for row in known if row["picture"] == path.name]

    def lacks(self, codec: str, settings: Row | None = None, kind: Kind = "points") -> bool:
        """Whether there is no line of a kind about a codec yet, with these settings if any are given."""
        lines = (row for row in self._lines if row["codec"] == codec and kind in row)
        return not any(settings in (None, row["settings"]) for row in lines)

    def line(self, codec: str, content: list[Row], settings: Row, kind: Kind = "points") -> Row:
        """What to write about a curve, or about looks."""
        height, width = self.pixels.shape[:2]
        return {
            "picture": self.name,
            "codec": codec,
            "width": width,
            "height": height,
            "settings": settings,
            kind: content,
            "versions": VERSIONS,
        }


def read_lines(path: Path) -> list[Row]:
    """All of a results file; none where there is no file yet."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
