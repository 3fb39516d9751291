"""One picture of an evaluation and its lines in the results file."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL
import torch

from diffdemo import __version__
from diffdemo.images import Pixels
from diffdemo.measure.results.lines import Kind, Row
from diffdemo.pictures import load_picture

VERSIONS = {
    "diffdemo": __version__,
    "numpy": np.__version__,
    "pillow": PIL.__version__,
    "torch": torch.__version__,
    "python": platform.python_version(),
}


class Sheet:
    """A picture, what is known about it, and lines for what is found out.

    A picture is known by its pixels: one that has changed is another one, and the same under two names is one.

    Args:
        path: of the picture; its name is only for showing.
        known: lines of the results file. Those without a hash could be about any picture and do not count.

    Raises:
        ImageError: if it cannot be read.
    """

    def __init__(self, path: Path, known: Sequence[Row]) -> None:
        self.name = path.name
        self.pixels = load_picture(path).pixels
        self.sha256 = sha256_of(self.pixels)
        self._lines = [row for row in known if row.get("sha256") == self.sha256]

    def lacks(self, codec: str, settings: Row | None = None, kind: Kind = "points") -> bool:
        """Whether there is no line of a kind about a codec yet, with these settings if any are given."""
        lines = (row for row in self._lines if row["codec"] == codec and kind in row)
        return not any(settings in (None, row["settings"]) for row in lines)

    def line(self, codec: str, content: list[Row], settings: Row, kind: Kind = "points") -> Row:
        """What to write about a curve, or about looks."""
        height, width = self.pixels.shape[:2]
        return {
            "picture": self.name,
            "sha256": self.sha256,
            "codec": codec,
            "width": width,
            "height": height,
            "settings": settings,
            kind: content,
            "versions": VERSIONS,
        }


def sha256_of(pixels: Pixels) -> str:
    """Hash of a picture, uint8 [H,W,3], in 64 hexadecimal digits: that of its binary PPM file, sides included."""
    height, width = pixels.shape[:2]
    return hashlib.sha256(b"P6\n%d %d\n255\n" % (width, height) + pixels.tobytes()).hexdigest()
