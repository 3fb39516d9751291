"""Curves as figures: means of every metric over the rate beside published ones, and metrics of sets of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle

import plotly.graph_objects as go

from diffdemo.measure.comparison.delta_rate import Pictures
from diffdemo.measure.comparison.mean_points import at_rates
from diffdemo.measure.looks.tables import distances, looks_at_rates, on_same_pictures
from diffdemo.measure.results.lines import Row, codec_of
from diffdemo.metrics.published import Published
from diffdemo.metrics.registry import METRICS, Metric
from diffdemo.metrics.sets.registry import SET_METRICS

COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#e377c2", "#8c564b")
HEIGHT = 520


def figures(curves: Mapping[str, Pictures], others: Sequence[Published]) -> Iterator[tuple[str, go.Figure]]:
    """What a figure is of, and the figure, for each metric that any codec has values of.

    Args:
        curves: codec to picture to points, all on the same pictures.
        others: published curves of these pictures.
    """
    means = {name: at_rates(pictures) for name, pictures in curves.items()}
    for metric in METRICS.values():
        lines = [
            (name, _heights(metric, [(p.bpp, p.values[metric.name]) for p in curve.points if metric.name in p.values]))
            for name, curve in means.items()
        ]
        figure = _drawn(lines, _title(metric))
        if not figure.data:
            continue
        for other in others:
            if other.metric == metric.name:
                line = {"width": 1, "dash": "dash" if other.is_estimate else "dot"}
                _draw(figure, f"{other.label}, published", _heights(metric, other.points), line)
        heights = [height for trace in figure.data for height in trace.y]
        figure.update_yaxes(metric.ticks(min(heights), max(heights)))
        yield metric.label, figure


def set_figures(rows: Sequence[Row]) -> Iterator[tuple[str, go.Figure]]:
    """The same of metrics of sets, from the looks among the lines of a results file."""
    originals, by_rate = looks_at_rates(rows)
    kept = [on_same_pictures(codecs) for codecs in by_rate.values()]
    for metric in SET_METRICS:
        lines: dict[str, list[tuple[float, float]]] = {}
        for codecs in kept:
            for codec, found in distances(metric, codecs, originals).items():
                rate = sum(look["bpp"] for look in codecs[codec].values()) / len(codecs[codec])
                lines.setdefault(codec, []).append((rate, found.value))
        if lines:
            yield metric.label, _drawn(list(lines.items()), f"{metric.label}, less is better")


Places = Sequence[tuple[float, float]]
"""Bits per pixel, and heights."""


def _heights(metric: Metric, places: Places) -> Places:
    """What has a place on the axis."""
    return [(rate, height) for rate, value in places if (height := metric.height(value)) is not None]


def _drawn(lines: Sequence[tuple[str, Places]], title: str) -> go.Figure:
    figure = go.Figure()
    for (name, places), colour in zip(lines, cycle(COLOURS), strict=False):
        _draw(figure, name, places, {"color": colour, "width": 3 if codec_of(name) else 1.5})
    figure.update_layout(
        template="simple_white",
        height=HEIGHT,
        xaxis={"title": "bits per pixel", "type": "log"},
        yaxis={"title": title},
        legend={"font": {"size": 11}},
        margin={"l": 60, "r": 20, "t": 20, "b": 50},
    )
    return figure


def _draw(figure: go.Figure, name: str, places: Places, line: Mapping[str, object]) -> None:
    if places:
        rates, heights = zip(*places, strict=True)
        figure.add_scatter(x=rates, y=heights, name=name, mode="lines+markers", line=line, marker={"size": 4})


def _title(metric: Metric) -> str:
    if metric.nears_one:
        return f"{metric.label}, -10 log10(1 - value) in dB"
    return metric.heading if metric.higher_is_better else f"{metric.heading}, better is up"
