"""Rate against distortion as a figure: one fixed colour a codec, named where its line ends; a click is a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import plotly.graph_objects as go

from diffdemo.engine import CurvePoint
from diffdemo.metrics.registry import BASE, METRICS, told
from diffdemo.ui.plot.figure import NEUTRAL, apart, axis, layout
from diffdemo.ui.plot.lines import Line
from diffdemo.ui.plot.view import ACROSS, Sized, View, heights_of, title, width_of

HEIGHT, SMALL_HEIGHT = 360, 262
"""The second beside the plot of the denoising steps."""
SMALL_PICTURE = 256 * 256
"""Pixels, while there is no picture."""
_NAME_HEIGHT, _ENTRY_HEIGHT = 22, 19
"""Pixels from one line's name to the next, at its end and in the legend."""
_FOOT = 40
_MAX_MARKERS = 20
_CEILING = "ceiling of the<br>autoencoder"

Place = tuple[float, float, str]
"""Across, upwards, and what to read when pointing at it."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line or points in the plot.

    Attributes:
        places: by rising rate.
        look: further arguments of plotly's `Scatter`.
        end: what stands at its end; "" for nothing.
        is_followed: whether the axes make room for all of it.
    """

    places: Sequence[Place]
    look: dict[str, Any]
    end: str = ""
    is_followed: bool = False

    def within(self, span: tuple[float, float]) -> Drawn:
        """The part between the borders, with the point where it crosses the right one, which nobody measured."""
        inside = [place for place in self.places if span[0] <= place[0] <= span[1]]
        beyond = [place for place in self.places if place[0] > span[1]]
        if inside and beyond:
            (x0, y0, _), (x1, y1, _) = inside[-1], beyond[0]
            inside.append((span[1], y0 + (y1 - y0) * (span[1] - x0) / (x1 - x0), ""))
        return replace(self, places=inside)

    def trace(self) -> go.Scatter:
        """As plotly takes it."""
        x, y, texts = zip(*self.places, strict=True)
        info = ["text" if each else "skip" for each in texts]
        crowded = {"mode": "lines"} if self.end and len(self.places) > _MAX_MARKERS else {}
        return go.Scatter(uid=self.look["name"], x=x, y=y, hovertext=texts, hoverinfo=info, **self.look | crowded)


def rd_plot(
    lines: Sequence[Line],
    *,
    view: View,
    shown: Sized | None = None,
    colour: str = NEUTRAL,
    ceiling: float | None = None,
    num_pixels: int = SMALL_PICTURE,
    others: Sequence[Drawn] = (),
    is_small: bool = False,
    name: str = "picture",
    missing: str = "",
) -> go.Figure:
    """Draw what is known of a picture; higher is better.

    Args:
        view: axes, and what is switched off.
        ceiling: PSNR in dB that the model's autoencoder alone reaches; None where there is none.
        name: of the picture, for what the plot is saved as.
        missing: what it would take to draw more, in words.
    """
    own = [_own(line, view) for line in lines if line.kind not in view.hidden]
    followed = [x for each in own if each.is_followed for x, _, _ in each.places] + ([view.x(shown)] if shown else [])
    span = width_of(view, followed, [x for each in others for x, _, _ in each.places], num_pixels)
    own, theirs = ([part for each in group if (part := each.within(span)).places] for group in (own, others))
    ends = [(each.end, *each.places[-1][:2]) for each in own if each.end]
    heights = [y for each in (*own, *theirs) for _, y, _ in each.places]
    level = ceiling if view.metric == BASE else None
    if level is not None:
        ends.append((_CEILING, span[1], level))
        heights.append(level)
    low, high = heights_of(heights, view.metric)
    height = SMALL_HEIGHT if is_small else HEIGHT
    figure = go.Figure(layout=_layout(view, span, (low, high), height, len(theirs), num_pixels))
    figure.layout.meta["name"] = name
    figure.add_traces([each.trace() for each in (*theirs, *own)])
    if shown and not missing:
        figure.add_vline(x=view.x(shown), line={"color": colour, "width": 1.5, "dash": "dot"})
    if level is not None:
        # Dashed, because it is no file.
        figure.add_hline(y=level, line={"color": NEUTRAL, "width": 1.5, "dash": "dash"})
    if missing:
        middle = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
        figure.add_annotation(text=missing, font={"size": 13}, **middle)
    _name(figure, ends, view, gap=_NAME_HEIGHT / height * (high - low), high=high)
    return figure


def _own(line: Line, view: View) -> Drawn:
    found = ((view.x(point), view.y(point), _text(line.label, point)) for point in line.points)
    places = [(x, y, text) for x, y, text in found if y is not None]
    look = {
        "name": line.label,
        "mode": "lines+markers" if line.width else "markers",
        "line": {"color": line.colour, "width": line.width, "dash": line.dash},
        "marker": {"symbol": line.symbol, "size": line.size, "color": line.colour},
        "showlegend": False,
    }
    return Drawn(places, look, (line.end or line.label) if line.width else "", line.is_followed)


def _text(label: str, point: CurvePoint) -> str:
    sizes = f"{point.num_bytes:,} bytes · {point.bpp:.3f} bpp"
    return f"{label}<br>{sizes}<br>{' · '.join(told(point.values))}"


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
        up=axis(title(view.metric), 6, range=list(up), **METRICS[view.metric].ticks(*up)),
        showlegend=num_entries > 0,
        legend={"yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "font": {"size": 11}},
        hoverlabel={"align": "left"},
        dragmode=False,
        meta={"across": view.across, "pixels": num_pixels},
        uirevision=view.others,  # What is switched off in the legend stays so until other curves come.
    )
