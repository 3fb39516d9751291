"""PSNR against denoising steps: more steps are more texture, and not more bits."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from diffdemo.ui.memory.tried import Run
from diffdemo.ui.plot.figure import apart, axis, layout, padded

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
HEIGHT = 170
_MIN_SPAN = 2.0
"""Of the PSNR axis, so that it holds still while the first steps arrive."""
_NAME_GAP = 0.17


def steps_plot(runs: Sequence[Run], *, num_steps: int, num_bytes: int) -> go.Figure:
    """Draw the runs on one file of so many bytes, with room for the steps of the one that is going on."""
    low, high = padded([psnr_db for run in runs for _, psnr_db in run.points] or [20.0], 0.08, _MIN_SPAN)
    last = max([num_steps, *(step for run in runs for step, _ in run.points)])
    title = f"denoising steps, all of the same {num_bytes:,} bytes"
    across, up = axis(title, 4, range=[0, 1.04 * max(1, last)]), axis("PSNR, dB", 6, range=[low, high], nticks=5)
    figure = go.Figure(layout=layout(HEIGHT, {"l": 44, "r": 92, "t": 8, "b": 36}, across=across, up=up))
    for run, colour in zip(runs, COLOURS, strict=False):
        figure.add_scatter(
            x=[step for step, _ in run.points],
            y=[psnr_db for _, psnr_db in run.points],
            name=run.name,
            mode="lines+markers",
            line={"color": colour, "width": 1.75},
            marker={"size": 4},
            hovertemplate=f"{run.name}: step %{{x}}, %{{y:.2f}} dB<extra></extra>",
        )
    named = [run for run in runs if run.points]
    heights = apart([run.points[-1][1] for run in named], gap=_NAME_GAP * (high - low), high=high)
    for run, y in zip(named, heights, strict=True):
        figure.add_annotation(x=run.points[-1][0], y=y, text=run.name, showarrow=False, xanchor="left", xshift=6)
    return figure
