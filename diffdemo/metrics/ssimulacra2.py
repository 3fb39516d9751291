"""SSIMULACRA 2: structural similarity in a space of colours as the eye has them, weighted by judgements of people.

Source: Sneyers 2022 (github.com/cloudinary/ssimulacra2), computed by the package `ssimulacra2`, a translation of that
program into NumPy. 100 for equal pictures; by its author's scale 90 is hardly told from the original beside it, 70 is
high quality, 50 medium, 30 low, and what is worse goes below 0.
"""

from __future__ import annotations

import importlib.util
import io

from PIL import Image

from diffdemo.images import Pixels

SMALLEST_SIDE = 8
"""Below, there is no scale to compare at."""
HOW_TO_GET = ("pip install ssimulacra2",)


def ssimulacra2(original: Pixels, picture: Pixels) -> float | None:
    """Score of a picture beside its original, both uint8 [H,W,3] of one size.

    Returns:
        None below 8 pixels a side, and where the package is not installed; see `missing`.
    """
    if min(original.shape[:2]) < SMALLEST_SIDE or missing():
        return None
    from ssimulacra2 import compute_ssimulacra2

    return float(compute_ssimulacra2(_file(original), _file(picture)))


def missing() -> str:
    """Why it cannot be measured here, in a sentence; "" if it can."""
    return "" if importlib.util.find_spec("ssimulacra2") else "The package ssimulacra2 is not installed."


def _file(pixels: Pixels) -> io.BytesIO:
    """The package reads files; this is one without compression."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "BMP")
    return file
