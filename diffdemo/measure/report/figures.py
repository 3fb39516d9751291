"""Curves of means as figures: every metric over the rate, published curves beside ours where there are any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle

import plotly.graph_objects as go

from diffdemo.measure.comparison.delta_rate import Pictures
from diffdemo.measure.comparison.mean_points import at_rates
from diffdemo.measure.results.lines import codec_of
from diffdemo.metrics.published import Published
from diffdemo.metrics.registry import METRICS, Metric

COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#e377c2", "#8c564b")
HEIGHT = 520


def figures(curves: Mapping[str, Pictures], others: Sequence[Published]) -> Iterator[tuple[Metric, go.Figure]]:
    """A figure for each metric that any codec has values of.

    Args:
        curves: codec to picture to points, all on the same pictures.
        others: published curves of these pictures.
    """
    means = {name: at_rates(pictures) for name, pictures in curves.items()}
    for metric in METRICS.values():
        figure = go.Figure()
        for (name, curve), colour in zip(means.items(), cycle(COLOURS), strict=False):
            places = [(point.bpp, point.values[metric.name]) for point in curve.points if metric.name in point.values]
            line = {"color": colour, "width": 3 if codec_of(name) else 1.5}
            _draw(figure, metric, name, places, line)
        if not figure.data:
            continue
        for other in others:
            if other.metric == metric.name:
                line = {"width": 1, "dash": "dash" if other.is_estimate else "dot"}
                _draw(figure, metric, f"{other.label}, published", other.points, line)
        heights = [height for trace in figure.data for height in trace.y]
        figure.update_layout(
            template="simple_white",
            height=HEIGHT,
            xaxis={"title": "bits per pixel", "type": "log"},
            yaxis={"title": _title(metric), **metric.ticks(min(heights), max(heights))},
            legend={"font": {"size": 11}},
            margin={"l": 60, "r": 20, "t": 20, "b": 50},
        )
        yield metric, figure


def _draw(
    figure: go.Figure, metric: Metric, name: str, places: Sequence[tuple[float, float]], line: Mapping[str, object]
) -> None:
    known = [(rate, height) for rate, value in places if (height := metric.height(value)) is not None]
    if known:
        rates, heights = zip(*known, strict=True)
        figure.add_scatter(x=rates, y=heights, name=name, mode="lines+markers", line=line, marker={"size": 4})


def _title(metric: Metric) -> str:
    if metric.nears_one:
        return f"{metric.label}, -10 log10(1 - value) in dB"
    return metric.heading if metric.higher_is_better else f"{metric.heading}, better is up"
