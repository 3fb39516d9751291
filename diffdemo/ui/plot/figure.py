"""How every plot of the page looks: no frame, grey words and lines that are seen on light and on dark, our codecs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from diffdemo.engine import CodecInfo, CurvePoint

TEXT = "#6b6b6b"
NEUTRAL = "#808080"
"""For strokes that belong to no codec, seen on light and on dark as well."""
_GRID = "rgba(128,128,128,0.22)"


def axis(title: str, standoff: int, **options: Any) -> dict[str, Any]:
    """An axis that nobody moves by dragging; `standoff` pixels between its numbers and the title."""
    title_of_axis = {"text": title, "standoff": standoff}
    return {"gridcolor": _GRID, "zeroline": False, "fixedrange": True, "title": title_of_axis, **options}


def layout(
    height: int, margin: dict[str, int], *, across: dict[str, Any], up: dict[str, Any], **more: Any
) -> go.Layout:
    """A figure's layout; its height and the margins "l", "r", "t" and "b" are in pixels."""
    options = {"showlegend": False, "hovermode": "closest"} | more
    return go.Layout(
        template="none",
        height=height,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 12, "color": TEXT},
        margin=margin | {"autoexpand": False},  # A legend that has gone would keep its room.
        xaxis=across,
        yaxis=up,
        **options,
    )


def padded(values: Sequence[float], share: float, least: float) -> tuple[float, float]:
    """The range of values with a margin of a share of it on either side; at least as wide as `least`."""
    span = max(values) - min(values)
    margin = max(share * span, (least - span) / 2)
    return min(values) - margin, max(values) + margin


def apart(wanted: Sequence[float], *, gap: float, high: float) -> list[float]:
    """Heights as near to the wanted ones as a gap between them allows, none above `high`; in the same order."""
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    places = list(wanted)
    for below, above in pairwise(order):
        places[above] = max(places[above], places[below] + gap)
    highest = high
    for index in reversed(order):
        places[index] = min(places[index], highest)
        highest = places[index] - gap
    return places


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
