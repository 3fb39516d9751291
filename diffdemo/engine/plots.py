"""Rate against distortion as a figure: one fixed colour a codec, named where its line ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from diffdemo.engine.records import CurvePoint

Metric = Literal["psnr_db", "ms_ssim"]
Line = list[tuple[float, float]]

COLOURS = {
    "diffc": "#0072B2",
    "flow": "#56B4E9",
    "ancestral": "#56B4E9",
    "jpeg": "#E69F00",
    "webp": "#009E73",
    "avif": "#CC79A7",
    "jpeg2000": "#D55E00",
    "jxl": "#8A6D00",
}
"""Okabe and Ito's palette, which stays apart for every kind of colour vision."""
LABELS = {
    "diffc": "DiffC, average",
    "flow": "DiffC-F",
    "ancestral": "DiffC-A",
    "jpeg": "JPEG",
    "webp": "WebP",
    "avif": "AVIF",
    "jpeg2000": "JPEG 2000",
    "jxl": "JPEG XL",
}
_SYMBOLS = {"diffc": "circle", "flow": "diamond", "ancestral": "star", "jpeg": "square", "webp": "triangle-up"}
_TITLES = {"psnr_db": "PSNR, dB", "ms_ssim": "MS-SSIM, dB"}
_NEUTRAL = "#6b6b6b"
_GRID = "rgba(128,128,128,0.22)"
_LEAST_WIDTH, _LEAST_SPAN, _EMPTY_HEIGHTS = 0.5, 8.0, (20.0, 40.0)
"""Axes never show less, so that they hold still while the first points arrive."""
_MOST_MARKERS = 20
HEIGHT = 360


@dataclass(frozen=True, slots=True)
class Curve:
    """What one codec does to one picture; `codec` is a key of `COLOURS`."""

    codec: str
    points: tuple[CurvePoint, ...]


def rd_figure(curves: Sequence[Curve], *, operating_bpp: float | None, metric: Metric) -> go.Figure:
    """Draw curves over bits per pixel; higher is better.

    The axes follow DiffC's points, because the classical codecs can go on far beyond what is being looked at.
    MS-SSIM is drawn as -10 log10(1 - MS-SSIM), so that values close to one stay apart.
    """
    lines = {curve.codec: _coordinates(curve.points, metric) for curve in curves}
    widest = _widest(lines, operating_bpp)
    lines = {codec: line for codec, points in lines.items() if (line := _until(points, widest))}
    low, high = _heights(lines)
    figure = go.Figure(layout=_layout(widest, low, high, metric))
    for codec, line in lines.items():
        figure.add_trace(_trace(codec, line))
    for codec, x, y in _label_places(lines, gap=0.06 * (high - low)):
        figure.add_annotation(x=x, y=y, text=LABELS[codec], showarrow=False, xanchor="left", xshift=6)
    if operating_bpp is not None:
        figure.add_vline(x=operating_bpp, line={"color": COLOURS["diffc"], "width": 1.5, "dash": "dot"})
    return figure


def _coordinates(points: Sequence[CurvePoint], metric: Metric) -> Line:
    pairs = ((point.bpp, _height(point, metric)) for point in points)
    return sorted((x, y) for x, y in pairs if y is not None and math.isfinite(y))


def _height(point: CurvePoint, metric: Metric) -> float | None:
    if metric == "psnr_db":
        return point.psnr_db
    if point.ms_ssim is None or point.ms_ssim >= 1:
        return None
    return -10 * math.log10(1 - point.ms_ssim)


def _widest(lines: dict[str, Line], operating_bpp: float | None) -> float:
    own = [x for codec in ("diffc", "flow", "ancestral") for x, _ in lines.get(codec, [])]
    return max(_LEAST_WIDTH, 1.15 * max([*own, operating_bpp or 0.0]))


def _until(points: Line, widest: float) -> Line:
    """The part of a line up to the right border, with the point where it crosses it."""
    inside = [point for point in points if point[0] <= widest]
    beyond = points[len(inside) :]
    if not inside or not beyond:
        return inside
    (x0, y0), (x1, y1) = inside[-1], beyond[0]
    return [*inside, (widest, y0 + (y1 - y0) * (widest - x0) / (x1 - x0))]


def _heights(lines: dict[str, Line]) -> tuple[float, float]:
    heights = [y for line in lines.values() for _, y in line]
    if not heights:
        return _EMPTY_HEIGHTS
    span = max(heights) - min(heights)
    margin = max(0.06 * span, (_LEAST_SPAN - span) / 2)
    return min(heights) - margin, max(heights) + margin


def _layout(widest: float, low: float, high: float, metric: Metric) -> go.Layout:
    axis = {"gridcolor": _GRID, "zeroline": False, "fixedrange": True}
    return go.Layout(
        template="none",
        height=HEIGHT,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 12, "color": _NEUTRAL},
        margin={"l": 44, "r": 92, "t": 8, "b": 40},
        xaxis=axis | {"title": {"text": "bits per pixel", "standoff": 6}, "range": [0, widest]},
        yaxis=axis | {"title": {"text": _TITLES[metric], "standoff": 6}, "range": [low, high]},
        showlegend=False,
        hovermode="closest",
    )


def _trace(codec: str, line: Line) -> go.Scatter:
    marker = {"symbol": _SYMBOLS.get(codec, "circle-open"), "size": 12 if codec in ("flow", "ancestral") else 6}
    return go.Scatter(
        x=[x for x, _ in line],
        y=[y for _, y in line],
        name=LABELS[codec],
        mode="lines" if len(line) > _MOST_MARKERS else "lines+markers",
        line={"color": COLOURS[codec], "width": 3 if codec == "diffc" else 1.75},
        marker=marker,
        hovertemplate=f"{LABELS[codec]}: %{{x:.2f}} bpp, %{{y:.2f}} dB<extra></extra>",
    )


def _label_places(lines: dict[str, Line], gap: float) -> list[tuple[str, float, float]]:
    """The right end of every line, pushed up where names would overlap."""
    ends = sorted(((codec, *line[-1]) for codec, line in lines.items()), key=lambda end: end[2])
    placed: list[tuple[str, float, float]] = []
    for codec, x, y in ends:
        lowest = placed[-1][2] + gap if placed else y
        placed.append((codec, x, max(y, lowest)))
    return placed
