"""A batch as a figure: a point for each picture, the JPEG of as many bytes beside it, and the means."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import plotly.graph_objects as go

from diffdemo.engine import CodecInfo, CurvePoint
from diffdemo.engine.batch.compress import Outcome
from diffdemo.engine.batch.means import means
from diffdemo.engine.classical.formats import FORMATS
from diffdemo.ui.plot.figure import apart, axis, layout, look_of, padded

HEIGHT = 300
_FAINT = "rgba(128,128,128,0.35)"
_EMPTY = [0.0, 1.5], [20.0, 40.0]
"""Axes while there is nothing to show."""
_MIN_BPP, _MIN_DB = 0.3, 6.0
"""What the axes cover at least."""
_MARGIN = 0.12
_NAME_GAP = 0.16
"""Share of the height from one mean's name to the other."""


class _Kind(NamedTuple):
    """A codec, as it is told and drawn."""

    label: str
    colour: str


def batch_plot(outcomes: Sequence[Outcome], codec: str, codecs: Sequence[CodecInfo]) -> go.Figure:
    """Draw what there is so far; lossless files, which have no place on the axis, are left out."""
    label = next(each.label for each in codecs if each.name == codec)
    own, jpeg = _Kind(label, look_of(codec, codecs).colour), _Kind("JPEG", FORMATS["jpeg"].colour)
    dots = [(each.name, each.point) for each in outcomes if each.point]
    pairs = [
        (each.name, each.point, each.jpeg) for each in outcomes if each.point and each.jpeg and each.jpeg.is_finite
    ]
    jpegs = [(name, beside) for name, _, beside in pairs]
    across, up = _ranges([point for _, point in (*dots, *jpegs)])
    axes = {"across": axis("bits per pixel", 6, range=across), "up": axis("PSNR, dB", 6, range=up)}
    figure = go.Figure(layout=layout(HEIGHT, {"l": 44, "r": 96, "t": 8, "b": 40}, **axes))
    # A faint line from each picture to its JPEG; a gap after each.
    figure.add_scatter(
        x=[x for _, point, beside in pairs for x in (point.bpp, beside.bpp, None)],
        y=[y for _, point, beside in pairs for y in (point.psnr_db, beside.psnr_db, None)],
        mode="lines",
        line={"color": _FAINT, "width": 1},
        hoverinfo="skip",
    )
    figure.add_trace(_trace(jpegs, jpeg, "square-open"))
    figure.add_trace(_trace(dots, own, "circle"))
    _mark_means(figure, outcomes, own, jpeg, up)
    return figure


def _trace(dots: Sequence[tuple[str, CurvePoint]], kind: _Kind, symbol: str) -> go.Scatter:
    """A dot for each picture; pointing at one tells the picture's name."""
    return go.Scatter(
        x=[point.bpp for _, point in dots],
        y=[point.psnr_db for _, point in dots],
        text=[f"{escape(name)}<br>{kind.label}: {at.bpp:.2f} bpp, {at.psnr_db:.2f} dB" for name, at in dots],
        mode="markers",
        marker={"color": kind.colour, "symbol": symbol, "size": 7},
        hovertemplate="%{text}<extra></extra>",
    )


def _mark_means(figure: go.Figure, outcomes: Sequence[Outcome], own: _Kind, jpeg: _Kind, up: list[float]) -> None:
    """A large mark and a name for each mean, both of the same pictures; names stand apart where the marks do not."""
    average = means(outcomes)
    places = [(average.bpp, average.psnr_db, own, "")]
    # Not every picture has a JPEG so small, and means of different pictures cannot be compared.
    if average.rivals:
        fewer = f" of {average.rivals}" if average.rivals < average.files else ""
        places = [
            (average.paired_bpp, average.paired_psnr_db, own, fewer),
            (average.jpeg_bpp, average.jpeg_psnr_db, jpeg, fewer),
        ]
    known = [(x, y, kind, fewer) for x, y, kind, fewer in places if x is not None and y is not None]
    heights = apart([y for _, y, _, _ in known], gap=_NAME_GAP * (up[1] - up[0]), high=up[1])
    for (x, y, kind, fewer), height in zip(known, heights, strict=True):
        name = f"{kind.label}, mean{fewer}"
        look = {"color": kind.colour, "symbol": "diamond", "size": 14, "line": {"color": "white", "width": 1.5}}
        hover = f"{name}: {x:.2f} bpp, {y:.2f} dB<extra></extra>"
        figure.add_trace(go.Scatter(x=[x], y=[y], mode="markers", marker=look, hovertemplate=hover))
        figure.add_annotation(
            x=1, xref="x domain", xanchor="left", xshift=6, y=height, text=f"{name}<br>{y:.1f} dB", align="left"
        )
    figure.update_annotations(showarrow=False)


def _ranges(points: Sequence[CurvePoint]) -> tuple[list[float], list[float]]:
    if not points:
        return _EMPTY
    left, right = padded([point.bpp for point in points], _MARGIN, _MIN_BPP)
    return [max(0.0, left), right], [*padded([point.psnr_db for point in points], _MARGIN, _MIN_DB)]
