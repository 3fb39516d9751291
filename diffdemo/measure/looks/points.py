"""How a reconstruction looks at one of a few fixed rates: what is kept of it in a results file.

Curves of codecs are measured wherever their settings happen to lie. Realism is a property of a set of pictures and can
be compared only at equal rates; so each codec is looked at in its largest file that does not exceed a rate.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from diffdemo.images import Pixels
from diffdemo.metrics.flat_region_error import blotches
from diffdemo.metrics.points import measured
from diffdemo.metrics.sets.patches import features_to_text
from diffdemo.metrics.sets.registry import available

RATES = (0.15, 0.3, 0.6, 1.0)
"""In bits per pixel, headers included."""
ORIGINAL = "original"
"""Under this name stand the features of the originals."""


def bytes_at(rate: float, pixels: Pixels) -> int:
    """The largest file of a picture, uint8 [H,W,3], that does not exceed a rate in bits per pixel."""
    return int(rate * pixels.shape[0] * pixels.shape[1] / 8)


def look_at(original: Pixels, picture: Pixels, rate: float, num_bytes: int) -> dict[str, Any]:
    """What a results file says about a reconstruction.

    Args:
        original, picture: uint8 [H,W,3].
        rate: that the file was not to exceed.

    Returns:
        The rate, the numbers of a point of a curve, blotches if anything is flat, and what is said of the patches.
    """
    slow = blotches(original, picture)
    return {
        "rate": rate,
        **measured(original, picture, num_bytes).to_json(),
        "blotches": None if slow is None else asdict(slow),
        **_described(picture),
    }


def look_of(original: Pixels) -> dict[str, Any]:
    """What the others are compared with."""
    return {"rate": None, **_described(original)}


def _described(picture: Pixels) -> dict[str, str]:
    """What metrics of sets need, as far as it can be had here."""
    return {each.name: features_to_text(each.describe(picture)) for each in available()}
