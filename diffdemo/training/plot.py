"""A page with the logs of training runs: rate and quality over time, and the curve that they end on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from diffdemo.errors import DiffDemoError
from diffdemo.training.log import Log

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
"""Of runs; Okabe and Ito's palette."""
DASHES = ("solid", "dash", "dot", "dashdot")
"""Of the points at which a run is measured, noise levels or quantisation steps."""
SHOWN = 4

Axis = Literal["minutes", "step"]


def plot(runs: Sequence[Path], page: Path, *, over: Axis = "minutes") -> None:
    """Write a page of HTML that needs nothing else.

    Args:
        runs: folders with a `log.csv`.
        page: the file to write.
        over: column of the log along the horizontal axis.

    Raises:
        DiffDemoError: if a run has no log yet.
    """
    page.write_text(figure(runs, over=over).to_html(include_plotlyjs=True), encoding="utf-8")


def figure(runs: Sequence[Path], *, over: Axis = "minutes") -> go.Figure:
    """Rate, quality and last curve of each run, side by side; arguments as for `plot`."""
    drawn = make_subplots(1, 3, subplot_titles=("ideal rate", "quality", "last curve"))
    for number, run in enumerate(runs):
        rows = Log(run / "log.csv").rows()
        if not rows:
            raise DiffDemoError(f"'{run}' has no log yet; a run writes one when it validates for the first time.")
        colour = COLOURS[number % len(COLOURS)]
        points = [key.removeprefix("bpp@") for key in rows[0] if key.startswith("bpp@")]
        for at, dash in zip(_spread(points), DASHES, strict=False):
            for column, key in ((1, f"bpp@{at}"), (2, f"psnr@{at}")):
                drawn.add_scatter(
                    x=[row[over] for row in rows],
                    y=[row[key] for row in rows],
                    name=f"{run.name} at {at}",
                    legendgroup=f"{run}@{at}",
                    showlegend=column == 1,
                    mode="lines+markers",
                    line={"color": colour, "dash": dash},
                    row=1,
                    col=column,
                )
        last = rows[-1]
        drawn.add_scatter(
            x=[last[f"bpp@{at}"] for at in points],
            y=[last[f"psnr@{at}"] for at in points],
            text=[f"at {at}" for at in points],
            name=f"{run.name}, step {last['step']:.0f}",
            mode="lines+markers",
            line={"color": colour},
            row=1,
            col=3,
        )
    for column, across, up in ((1, over, "bits per pixel"), (2, over, "PSNR, dB"), (3, "bits per pixel", "PSNR, dB")):
        drawn.update_xaxes(title=across, row=1, col=column)
        drawn.update_yaxes(title=up, row=1, col=column)
    drawn.update_yaxes(type="log", row=1, col=1)
    drawn.update_layout(template="plotly_white", legend={"orientation": "h", "y": -0.2})
    return drawn


def _spread(points: Sequence[str]) -> list[str]:
    """At most four of them, evenly spaced: more lines cannot be told apart."""
    if len(points) <= SHOWN:
        return list(points)
    return [points[round(i * (len(points) - 1) / (SHOWN - 1))] for i in range(SHOWN)]
