"""The pictures of an evaluation, and the lines of each in the results file."""

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
from diffdemo.measure.results.machine import hardware
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
        name: only for showing.
        pixels: uint8 [H,W,3].
        known: lines of the results file. Those without a hash could be about any picture and do not count.

    Attributes:
        sha256: see `sha256_of`.
        known: those of the lines that are about this picture.
    """

    def __init__(self, name: str, pixels: Pixels, known: Sequence[Row]) -> None:
        self.name = name
        self.pixels = pixels
        self.sha256 = sha256_of(pixels)
        self.known = [row for row in known if row.get("sha256") == self.sha256]

    @classmethod
    def of_file(cls, path: Path, known: Sequence[Row]) -> Sheet:
        """The sheet of a picture file.

        Raises:
            ImageError: if it cannot be read.
        """
        return cls(path.name, load_picture(path).pixels, known)

    def lacks(self, codec: str, settings: Row | None = None, kind: Kind = "points") -> bool:
        """Whether there is no line of a kind about a codec yet, with these settings if any are given."""
        lines = (row for row in self.known if row["codec"] == codec and kind in row)
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
            "hardware": hardware(),
        }


def sha256_of(pixels: Pixels) -> str:
    """Hash of a picture, uint8 [H,W,3], in 64 hexadecimal digits: that of its binary PPM file, sides included."""
    height, width = pixels.shape[:2]
    return hashlib.sha256(b"P6\n%d %d\n255\n" % (width, height) + pixels.tobytes()).hexdigest()
