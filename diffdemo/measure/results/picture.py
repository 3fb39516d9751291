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
from diffdemo.errors import DiffDemoError, ImageError
from diffdemo.images import Pixels
from diffdemo.measure.results.lines import Kind, Row
from diffdemo.measure.results.machine import hardware
from diffdemo.pictures import load_picture

SUFFIXES = {
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".bmp", ".dib", ".tif", ".tiff", ".gif"),
    *(".heic", ".heif", ".hif"),
}
"""Of what can be read, some of it only where the package for it is installed; in capitals as well."""
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


def picture_paths(folder: Path) -> list[Path]:
    """Everything in a folder that is called like a picture, by name; whether it is one shows when it is read.

    Raises:
        DiffDemoError: if this is no folder, or it cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except NotADirectoryError as error:
        raise DiffDemoError(f"'{folder}' is not a folder; please name one that has pictures in it.") from error
    except OSError as error:
        raise DiffDemoError(f"Cannot read the folder '{folder}': {error.strerror or error}.") from error


def require_picture_file(path: Path) -> None:
    """Check that an entry can be opened without waiting for a writer, and is meant to be seen.

    Raises:
        ImageError: if it is hidden, or anything but a regular file.
    """
    if path.name.startswith("."):
        raise ImageError(f"'{path.name}' is a hidden file, such as macOS leaves beside pictures.")
    try:
        if path.is_dir():
            raise ImageError(f"'{path.name}' is a folder.")
        path.stat()
        if not path.is_file():
            raise ImageError(f"'{path.name}' is not a regular file.")
    except OSError as error:
        raise ImageError(f"Cannot read '{path.name}': {error.strerror or error}.") from error
