"""A batch as a figure: a point for each picture, the JPEG of as many bytes beside it, and the means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from diffdemo.engine import CodecInfo
from diffdemo.engine.batch.compress import Outcome
from diffdemo.engine.batch.means import Means, means
from diffdemo.ui.plot.figure import axis, layout
from diffdemo.ui.plot.line_names import apart
from diffdemo.ui.plot.lines import CDC_COLOUR
from diffdemo.ui.style import COLOURS

HEIGHT = 300
_OWN = COLOURS | {"cdc": CDC_COLOUR}
_FAINT = "rgba(128,128,128,0.35)"
_EMPTY = [0.0, 1.5], [20.0, 40.0]
"""Axes while there is nothing to show."""
_LEAST_SPANS = 0.3, 6.0
_MARGIN = 0.12
_NAME_GAP = 0.16
"""Share of the height from one mean's name to the other."""

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Dot:
    """One picture by one codec: bits per pixel, PSNR in dB, and what to read when pointing at it."""

    place: Place
    text: str


def batch_plot(outcomes: Sequence[Outcome], codec: CodecInfo) -> go.Figure:
    """Draw what there is so far; lossless files, which have no place on the axis, are left out.

    Args:
        outcomes: of the pictures that are done.
        codec: that wrote the files.
    """
    own = {n: dot for n, outcome in enumerate(outcomes) if (dot := _own_dot(outcome, codec.label))}
    rivals = {n: dot for n, outcome in enumerate(outcomes) if n in own and (dot := _jpeg_dot(outcome))}
    dots = [*own.values(), *rivals.values()]
    across, up = _ranges([dot.place for dot in dots])
    figure = go.Figure(layout=_layout(across, up))
    figure.add_trace(_pairs([(own[n].place, rivals[n].place) for n in rivals]))
    figure.add_trace(_dots(list(rivals.values()), COLOURS["jpeg"], "square-open"))
    figure.add_trace(_dots(list(own.values()), _OWN[codec.name], "circle"))
    _mark_means(figure, means(outcomes), codec, up)
    return figure


def _own_dot(outcome: Outcome, label: str) -> _Dot | None:
    if outcome.error or outcome.psnr_db is None or not math.isfinite(outcome.psnr_db):
        return None
    return _dot((outcome.bpp, outcome.psnr_db), outcome.name, label)


def _jpeg_dot(outcome: Outcome) -> _Dot | None:
    if outcome.jpeg is None or not math.isfinite(outcome.jpeg.psnr_db):
        return None
    return _dot((outcome.jpeg.bpp, outcome.jpeg.psnr_db), outcome.name, "JPEG")


def _dot(place: Place, name: str, label: str) -> _Dot:
    return _Dot(place, f"{escape(name)}<br>{label}: {place[0]:.2f} bpp, {place[1]:.2f} dB")


def _pairs(pairs: Sequence[tuple[Place, Place]]) -> go.Scatter:
    """A faint line from each picture to its JPEG; a gap after each."""
    return go.Scatter(
        x=[x for (x0, _), (x1, _) in pairs for x in (x0, x1, None)],
        y=[y for (_, y0), (_, y1) in pairs for y in (y0, y1, None)],
        mode="lines",
        line={"color": _FAINT, "width": 1},
        hoverinfo="skip",
    )


def _dots(dots: Sequence[_Dot], colour: str, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=[dot.place[0] for dot in dots],
        y=[dot.place[1] for dot in dots],
        text=[dot.text for dot in dots],
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 7},
        hovertemplate="%{text}<extra></extra>",
    )


def _mark_means(figure: go.Figure, average: Means, codec: CodecInfo, up: list[float]) -> None:
    """A large mark and a name for each mean, both of the same pictures; names stand apart where the marks do not."""
    label = codec.label
    # Not every picture has a JPEG so small, and means of different pictures cannot be compared.
    if average.rivals:
        fewer = f" of {average.rivals}" if average.rivals < average.files else ""
        marks = [
            (average.paired_bpp, average.paired_psnr_db, _OWN[codec.name], f"{label}, mean{fewer}"),
            (average.jpeg_bpp, average.jpeg_psnr_db, COLOURS["jpeg"], f"JPEG, mean{fewer}"),
        ]
    else:
        marks = [(average.bpp, average.psnr_db, _OWN[codec.name], f"{label}, mean")]
    known = [(x, y, colour, name) for x, y, colour, name in marks if x is not None and y is not None]
    heights = apart([y for _, y, _, _ in known], gap=_NAME_GAP * (up[1] - up[0]), high=up[1])
    for (x, y, colour, name), height in zip(known, heights, strict=True):
        hover = f"{name}: {x:.2f} bpp, {y:.2f} dB<extra></extra>"
        look = {"color": colour, "symbol": "diamond", "size": 14, "line": {"color": "white", "width": 1.5}}
        figure.add_trace(go.Scatter(x=[x], y=[y], mode="markers", marker=look, hovertemplate=hover))
        figure.add_annotation(
            x=1, xref="x domain", xanchor="left", xshift=6, y=height, text=f"{name}<br>{y:.1f} dB", align="left"
        )
    figure.update_annotations(showarrow=False)


def _ranges(places: Sequence[Place]) -> tuple[list[float], list[float]]:
    if not places:
        return _EMPTY
    across, up = (
        _range([place[axis] for place in places], least) for axis, least in zip((0, 1), _LEAST_SPANS, strict=True)
    )
    return [max(0.0, across[0]), across[1]], up


def _range(values: Sequence[float], least: float) -> list[float]:
    span = max(values) - min(values)
    margin = max(_MARGIN * span, (least - span) / 2)
    return [min(values) - margin, max(values) + margin]


def _layout(across: list[float], up: list[float]) -> go.Layout:
    return layout(
        HEIGHT,
        {"l": 44, "r": 96, "t": 8, "b": 40},
        across=axis("bits per pixel", 6, range=across),
        up=axis("PSNR, dB", 6, range=up),
    )
