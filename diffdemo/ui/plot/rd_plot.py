"""Rate against distortion as a figure: one fixed colour a codec, named where its line ends; a click is a choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import plotly.graph_objects as go

from diffdemo.engine import CurvePoint
from diffdemo.metrics.registry import BASE, told
from diffdemo.ui.plot.figure import NEUTRAL, axis, layout
from diffdemo.ui.plot.line_names import apart
from diffdemo.ui.plot.lines import Line
from diffdemo.ui.plot.published_lines import Overlay
from diffdemo.ui.plot.view import ACROSS, Sized, View, heights_of, ticks, title, width_of

HEIGHT, SMALL_HEIGHT = 360, 262
"""The second beside the plot of the denoising steps."""
SMALL_PICTURE = 256 * 256
"""Pixels, while there is no picture."""
_NAME_HEIGHT, _ENTRY_HEIGHT = 22, 19
"""Pixels from one line's name to the next, at its end and in the legend."""
_FOOT = 40
_MOST_MARKERS = 20
_CEILING = "ceiling of the<br>autoencoder"

T = TypeVar("T")
Place = tuple[float, float, str]
"""Across, upwards, and what to read when pointing at it."""


def rd_plot(
    lines: Sequence[Line],
    *,
    view: View,
    shown: Sized | None = None,
    colour: str = NEUTRAL,
    ceiling: float | None = None,
    num_pixels: int = SMALL_PICTURE,
    others: Sequence[Overlay] = (),
    is_small: bool = False,
) -> go.Figure:
    """Draw what is known of a picture; higher is better.

    Args:
        lines: what is known.
        view: axes, and what is switched off.
        shown: what is on the stage.
        colour: of the stroke there.
        ceiling: PSNR in dB that the model's autoencoder alone reaches; None where there is none.
        num_pixels: of the picture.
        others: published curves.
        is_small: whether it shares its place.
    """
    drawn = {line: places for line in lines if line.kind not in view.hidden and (places := _places(line, view))}
    beside = {each: list(each.places) for each in others}
    span = _span(drawn, beside, view, shown, num_pixels)
    drawn, beside = _all_inside(drawn, span), _all_inside(beside, span)
    level = ceiling if view.metric == BASE else None
    height = SMALL_HEIGHT if is_small else HEIGHT
    heights = [y for places in (*drawn.values(), *beside.values()) for _, y, _ in places]
    low, high = heights_of(heights + ([] if level is None else [level]), view.metric)
    figure = go.Figure(layout=_layout(view, span, (low, high), height, len(beside), num_pixels))
    figure.add_traces([_theirs(each, places) for each, places in beside.items()])
    figure.add_traces([_trace(line, places) for line, places in drawn.items()])
    if shown:
        figure.add_vline(x=view.x(shown), line={"color": colour, "width": 1.5, "dash": "dot"})
    _name(figure, _ends(figure, drawn, level, span[1]), view, gap=_NAME_HEIGHT / height * (high - low), high=high)
    return figure


def _ends(
    figure: go.Figure, drawn: dict[Line, list[Place]], ceiling: float | None, right: float
) -> list[tuple[str, float, float]]:
    """Names of lines and where they belong, that of the ceiling included, which is drawn here."""
    ends = [(line.end or line.label, *places[-1][:2]) for line, places in drawn.items() if line.width]
    if ceiling is not None:
        # Dashed, because it is no file.
        figure.add_hline(y=ceiling, line={"color": NEUTRAL, "width": 1.5, "dash": "dash"})
        ends.append((_CEILING, right, ceiling))
    return ends


def _span(
    drawn: dict[Line, list[Place]],
    beside: dict[Overlay, list[Place]],
    view: View,
    shown: Sized | None,
    num_pixels: int,
) -> tuple[float, float]:
    own = [x for line, places in drawn.items() if line.is_followed for x, _, _ in places]
    theirs = [x for places in beside.values() for x, _, _ in places]
    return width_of(view, own + ([view.x(shown)] if shown else []), theirs, num_pixels)


def _all_inside(drawn: dict[T, list[Place]], span: tuple[float, float]) -> dict[T, list[Place]]:
    return {line: inside for line, places in drawn.items() if (inside := _inside(places, span))}


def _places(line: Line, view: View) -> list[Place]:
    found = ((view.x(point), view.y(point), _text(line.label, point)) for point in line.points)
    return [(x, y, text) for x, y, text in found if y is not None]


def _text(label: str, point: CurvePoint) -> str:
    sizes = f"{point.num_bytes:,} bytes · {point.bpp:.3f} bpp"
    return f"{label}<br>{sizes}<br>{' · '.join(told(point.values))}"


def _inside(places: list[Place], span: tuple[float, float]) -> list[Place]:
    """The part of a line between the borders, with the point where it crosses the right one, which nobody measured."""
    inside = [place for place in places if span[0] <= place[0] <= span[1]]
    beyond = [place for place in places if place[0] > span[1]]
    if not inside or not beyond:
        return inside
    (x0, y0, _), (x1, y1, _) = inside[-1], beyond[0]
    return [*inside, (span[1], y0 + (y1 - y0) * (span[1] - x0) / (x1 - x0), "")]


def _trace(line: Line, places: list[Place]) -> go.Scatter:
    connected = "lines" if len(places) > _MOST_MARKERS else "lines+markers"
    return go.Scatter(
        **_points(places),
        name=line.label,
        mode=connected if line.width else "markers",
        line={"color": line.colour, "width": line.width, "dash": line.dash},
        marker={"symbol": line.symbol, "size": line.size, "color": line.colour},
        showlegend=False,
    )


def _theirs(overlay: Overlay, places: list[Place]) -> go.Scatter:
    return go.Scatter(
        **_points(places),
        name=overlay.label,
        mode="lines",
        opacity=0.8,
        line={"color": overlay.colour, "width": 1.25, "dash": "dash" if overlay.is_estimate else "solid"},
    )


def _points(places: list[Place]) -> dict:
    return {
        "x": [x for x, _, _ in places],
        "y": [y for _, y, _ in places],
        "hovertext": [text for _, _, text in places],
        "hoverinfo": ["text" if text else "skip" for _, _, text in places],
    }


def _name(figure: go.Figure, ends: Sequence[tuple[str, float, float]], view: View, gap: float, high: float) -> None:
    """Write the names of lines where they end, and no two over each other; single points tell theirs when asked."""
    for (text, x, _), y in zip(ends, apart([y for _, _, y in ends], gap=gap, high=high), strict=True):
        size = 11 if text == _CEILING else 12
        place = {"x": view.on_axis(x), "y": y, "xanchor": "left", "xshift": 6, "align": "left"}
        figure.add_annotation(text=text, showarrow=False, font={"size": size}, **place)


def _layout(
    view: View, span: tuple[float, float], up: tuple[float, float], height: int, num_entries: int, num_pixels: int
) -> go.Layout:
    """Axes that are ours to move only: what is dragged across the plot is the operating point; see `curve.js`."""
    log = {"dtick": "D2"} if view.scale == "log" else {}  # at 1, 2 and 5
    foot = num_entries * _ENTRY_HEIGHT + (_ENTRY_HEIGHT if num_entries else 0)
    borders = [view.on_axis(x) if x else x for x in span]
    return layout(
        height + foot,
        {"l": 44, "r": 92, "t": 8, "b": _FOOT + foot},
        across=axis(ACROSS[view.across], 6, type=view.scale, nticks=7, range=borders, **log),
        up=axis(title(view.metric), 6, range=list(up), **ticks(view.metric, up)),
        showlegend=num_entries > 0,
        legend={"yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "font": {"size": 11}},
        hoverlabel={"align": "left"},
        dragmode=False,
        meta={"across": view.across, "pixels": num_pixels, "others": view.others},
    )
