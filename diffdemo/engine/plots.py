"""Rate against distortion as a figure: one fixed colour a codec, named where its line ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from diffdemo.engine.records import CurvePoint

Metric = Literal["psnr_db", "ms_ssim"]

COLOURS = {
    "diffc": "#0072B2",
    "flow": "#56B4E9",
    "ancestral": "#56B4E9",
    "jpeg": "#E69F00",
    "webp": "#009E73",
    "avif": "#CC79A7",
}
"""Okabe and Ito's palette, which stays apart for every kind of colour vision."""
LABELS = {
    "diffc": "DiffC, average",
    "flow": "DiffC-F",
    "ancestral": "DiffC-A",
    "jpeg": "JPEG",
    "webp": "WebP",
    "avif": "AVIF",
}
_SYMBOLS = {"diffc": "circle", "flow": "diamond", "ancestral": "star", "jpeg": "square", "webp": "triangle-up"}
_TITLES = {"psnr_db": "PSNR, dB", "ms_ssim": "MS-SSIM, dB"}
_NEUTRAL = "#6b6b6b"
_GRID = "rgba(128,128,128,0.22)"
_EMPTY_RANGES = (1.0, (20.0, 40.0))


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
    drawn = {curve.codec: _coordinates(curve.points, metric) for curve in curves}
    widest, (low, high) = _ranges(drawn, operating_bpp)
    figure = go.Figure(layout=_layout(widest, low, high, metric))
    for codec, points in drawn.items():
        figure.add_trace(_trace(codec, points))
    for codec, x, y in _label_places(drawn, widest, low, high):
        figure.add_annotation(x=x, y=y, text=LABELS[codec], showarrow=False, xanchor="left", xshift=6)
    if operating_bpp is not None:
        figure.add_vline(x=operating_bpp, line={"color": COLOURS["diffc"], "width": 1.5, "dash": "dot"})
    return figure


def _coordinates(points: Sequence[CurvePoint], metric: Metric) -> list[tuple[float, float]]:
    pairs = ((point.bpp, _height(point, metric)) for point in points)
    return sorted((x, y) for x, y in pairs if y is not None and math.isfinite(y))


def _height(point: CurvePoint, metric: Metric) -> float | None:
    if metric == "psnr_db":
        return point.psnr_db
    if point.ms_ssim is None or point.ms_ssim >= 1:
        return None
    return -10 * math.log10(1 - point.ms_ssim)


def _ranges(
    drawn: dict[str, list[tuple[float, float]]], operating_bpp: float | None
) -> tuple[float, tuple[float, float]]:
    own = [x for codec in ("diffc", "flow", "ancestral") for x, _ in drawn.get(codec, [])]
    every = [x for points in drawn.values() for x, _ in points]
    widest = 1.25 * max([*own, operating_bpp or 0]) or max(every, default=_EMPTY_RANGES[0])
    heights = [y for points in drawn.values() for x, y in points if x <= widest]
    if not heights:
        return widest, _EMPTY_RANGES[1]
    margin = max(1.0, 0.08 * (max(heights) - min(heights)))
    return widest, (min(heights) - margin, max(heights) + margin)


def _layout(widest: float, low: float, high: float, metric: Metric) -> go.Layout:
    axis = {"gridcolor": _GRID, "zeroline": False, "fixedrange": True, "ticks": "", "title": {"standoff": 6}}
    return go.Layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 12, "color": _NEUTRAL},
        margin={"l": 44, "r": 92, "t": 8, "b": 40},
        xaxis=axis | {"title": {"text": "bits per pixel", "standoff": 6}, "range": [0, widest]},
        yaxis=axis | {"title": {"text": _TITLES[metric], "standoff": 6}, "range": [low, high]},
        showlegend=False,
        hovermode="closest",
    )


def _trace(codec: str, points: list[tuple[float, float]]) -> go.Scatter:
    marker = {"symbol": _SYMBOLS.get(codec, "circle-open"), "size": 12 if codec in ("flow", "ancestral") else 6}
    return go.Scatter(
        x=[x for x, _ in points],
        y=[y for _, y in points],
        name=LABELS[codec],
        mode="lines+markers",
        line={"color": COLOURS[codec], "width": 3 if codec == "diffc" else 1.75},
        marker=marker,
        hovertemplate=f"{LABELS[codec]}: %{{x:.2f}} bpp, %{{y:.2f}} dB<extra></extra>",
    )


def _label_places(
    drawn: dict[str, list[tuple[float, float]]], widest: float, low: float, high: float
) -> list[tuple[str, float, float]]:
    """The right end of every line that is in view, pushed apart where names would overlap."""
    ends = []
    for codec, points in drawn.items():
        inside = [(x, y) for x, y in points if x <= widest]
        if inside:
            ends.append((codec, *_leave(inside[-1], points[len(inside) :], widest)))
    ends.sort(key=lambda end: end[2])
    gap = 0.07 * (high - low)
    heights = [y for _, _, y in ends]
    for index in range(1, len(heights)):
        heights[index] = max(heights[index], heights[index - 1] + gap)
    return [(codec, x, height) for (codec, x, _), height in zip(ends, heights, strict=True)]


def _leave(last: tuple[float, float], beyond: list[tuple[float, float]], widest: float) -> tuple[float, float]:
    """Where a line crosses the right border, or its last point if it ends before."""
    if not beyond:
        return last
    (x0, y0), (x1, y1) = last, beyond[0]
    return widest, y0 + (y1 - y0) * (widest - x0) / (x1 - x0)
