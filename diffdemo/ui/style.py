"""How codecs are drawn, the same in every plot, and what a curve is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diffdemo.engine import CodecInfo, CurvePoint


@dataclass(frozen=True, slots=True)
class Look:
    """One of our own codecs in plots.

    Attributes:
        colour: of its curve.
        tried: colour of single decodes.
        symbol: of its points, in plotly's words.
    """

    colour: str
    tried: str
    symbol: str


LOOKS = (
    Look("#0072B2", "#56B4E9", "circle"),
    Look("#D55E00", "#D55E00", "pentagon"),
    Look("#332288", "#6A5ACD", "hexagon"),
    Look("#117733", "#44AA99", "hourglass"),
    Look("#882255", "#AA4499", "bowtie"),
)
"""In the order of the registry: two of Okabe and Ito's palette, as the classical codecs are, then some of Tol's muted
one. Both stay apart for every kind of colour vision."""


@dataclass(frozen=True, slots=True)
class Curve:
    """What one codec does to one picture; `codec` is the name of one of ours or of a classical one."""

    codec: str
    points: tuple[CurvePoint, ...]


def look_of(codec: str, codecs: Sequence[CodecInfo]) -> Look:
    """How a codec is drawn, by its place among all."""
    return LOOKS[[each.name for each in codecs].index(codec) % len(LOOKS)]
