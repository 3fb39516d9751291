"""The engine's plot of rate and distortion, with CDC in it, and what no file of a latent model can pass."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from diffdemo.engine import CurvePoint
from diffdemo.engine.plots import COLOURS, HEIGHT, Curve, Metric, rd_figure
from diffdemo.ui.line_names import apart

CDC_COLOUR = "#D55E00"
"""Vermilion: the one of Okabe and Ito's colours that no other codec has."""
CDC_LABEL = "CDC, one step"
SMALL_HEIGHT = 262
"""Beside the plot of the denoising steps."""
_MARGIN = 0.06
_NAME_HEIGHT = 22
"""Pixels from one line's name to the next."""
_CEILING = "ceiling of the<br>autoencoder"
_NEUTRAL = "#808080"
"""Seen on light and on dark."""


def rd_plot(
    curves: Sequence[Curve],
    *,
    cdc: Sequence[CurvePoint],
    here: CurvePoint | None,
    ceiling: float | None,
    operating_bpp: float | None,
    metric: Metric,
    is_small: bool,
) -> go.Figure:
    """Draw the codecs that the engine draws, and CDC.

    Args:
        curves: of the others.
        cdc: its curve, decoded in one step.
        here: where the CDC picture on the stage lies.
        ceiling: PSNR in dB that the model's autoencoder alone reaches; None where there is none.
        operating_bpp: rate of what is on the stage.
        metric: what the plot shows.
        is_small: whether it shares its place.
    """
    line = _line(cdc, metric)
    point = _line([here] if here else [], metric)
    # The engine's axes end a little beyond its mark, which therefore stands at CDC's last point until they are drawn.
    widest = None if operating_bpp is None else max([operating_bpp, *(x for x, _ in line)])
    figure = rd_figure(curves, operating_bpp=widest, metric=metric)
    colour = CDC_COLOUR if here else COLOURS["diffc"]
    figure.update_shapes(x0=operating_bpp, x1=operating_bpp, line_color=colour)
    _draw_cdc(figure, line, point)
    height = SMALL_HEIGHT if is_small else HEIGHT
    figure.update_layout(height=height)
    gap = _NAME_HEIGHT / height
    if ceiling is not None and metric == "psnr_db":
        _draw_ceiling(figure, ceiling, gap)
    _part_names(figure, gap)
    return figure


def _draw_cdc(figure: go.Figure, line: list[tuple[float, float]], point: list[tuple[float, float]]) -> None:
    _make_room(figure, [*line, *point])
    if line:
        figure.add_trace(_trace(line, CDC_LABEL, mode="lines+markers", symbol="pentagon", size=6))
        x, y = line[-1]
        figure.add_annotation(x=x, y=y, text=CDC_LABEL, showarrow=False, xanchor="left", xshift=6)
    if point:
        figure.add_trace(_trace(point, "CDC, shown", mode="markers", symbol="diamond", size=12))


def _draw_ceiling(figure: go.Figure, ceiling: float, gap: float) -> None:
    """Dashed, because it is no file; named in the margin, and striking through no other name."""
    _make_room(figure, [(0.0, ceiling)])
    figure.add_hline(y=ceiling, line={"color": _NEUTRAL, "width": 1.5, "dash": "dash"})
    low, high = figure.layout.yaxis.range
    room = gap * (high - low) / 2
    for note in figure.layout.annotations:
        if abs(note.y - ceiling) < room:
            note.y = ceiling - room if note.y <= ceiling else ceiling + room
    figure.add_annotation(
        x=figure.layout.xaxis.range[1],
        y=ceiling,
        text=_CEILING,
        showarrow=False,
        xanchor="left",
        xshift=6,
        align="left",
        font={"size": 11},
    )


def _line(points: Sequence[CurvePoint], metric: Metric) -> list[tuple[float, float]]:
    pairs = ((point.bpp, _height(point, metric)) for point in points)
    return sorted((x, y) for x, y in pairs if y is not None and math.isfinite(y))


def _height(point: CurvePoint, metric: Metric) -> float | None:
    if metric == "psnr_db":
        return point.psnr_db
    if point.ms_ssim is None or point.ms_ssim >= 1:
        return None
    return -10 * math.log10(1 - point.ms_ssim)


def _trace(line: list[tuple[float, float]], name: str, *, mode: str, symbol: str, size: int) -> go.Scatter:
    return go.Scatter(
        x=[x for x, _ in line],
        y=[y for _, y in line],
        name=name,
        mode=mode,
        line={"color": CDC_COLOUR, "width": 3},
        marker={"symbol": symbol, "size": size, "color": CDC_COLOUR},
        hovertemplate=f"{name}: %{{x:.2f}} bpp, %{{y:.2f}} dB<extra></extra>",
    )


def _make_room(figure: go.Figure, points: list[tuple[float, float]]) -> None:
    """Stretch the upright axis until the points lie inside."""
    if not points:
        return
    low, high = figure.layout.yaxis.range
    lowest, highest = min(y for _, y in points), max(y for _, y in points)
    margin = _MARGIN * (max(high, highest) - min(low, lowest))
    figure.update_yaxes(range=[min(low, lowest - margin), max(high, highest + margin)])


def _part_names(figure: go.Figure, gap: float) -> None:
    """Move the names at the lines' ends where they would overlap; `gap` is a share of the plot's height."""
    low, high = figure.layout.yaxis.range
    notes = figure.layout.annotations
    for note, y in zip(notes, apart([note.y for note in notes], gap=gap * (high - low), high=high), strict=True):
        note.y = y
