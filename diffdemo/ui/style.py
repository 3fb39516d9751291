"""Names and colours of codecs, the same in every plot, and what a curve is."""

from __future__ import annotations

from dataclasses import dataclass

from diffdemo.engine.classical import formats as classical
from diffdemo.metrics.points import CurvePoint

COLOURS = {
    "diffc": "#0072B2",
    "flow": "#56B4E9",
    "ancestral": "#56B4E9",
    "jpeg": "#E69F00",
    "webp": "#009E73",
    "avif": "#CC79A7",
    "jpeg2000": "#D55E00",
    "heic": "#7A5195",
    "jxl": "#8A6D00",
}
"""Okabe and Ito's palette, which stays apart for every kind of colour vision."""
LABELS = {
    "diffc": "DiffC, average",
    "flow": "DiffC-F",
    "ancestral": "DiffC-A",
    **classical.LABELS,
}


@dataclass(frozen=True, slots=True)
class Curve:
    """What one codec does to one picture; `codec` is a key of `COLOURS`."""

    codec: str
    points: tuple[CurvePoint, ...]
