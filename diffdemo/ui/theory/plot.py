"""The closed forms as a figure, with the gap between flow and ancestral sampling, and real files on top."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from diffdemo.theory.real_files import Landing
from diffdemo.theory.sources import LOWEST_SNR_DB, TOP_SNR_DB, Mark, TheoryCurve
from diffdemo.ui.plot.figure import NEUTRAL, apart, axis, layout
from diffdemo.ui.theory.schemes import SCHEMES

HEIGHT = 440
_TOP = TOP_SNR_DB + 1.5
_NAME_GAP = 0.042
_LEADER = 22


def theory_plot(curves: Sequence[TheoryCurve], *, mark: Mark, landings: Sequence[Landing]) -> go.Figure:
    """Draw the curves of one source, and files whose whiskers begin at the rate of the closed form."""
    widest = max(curve.bits[-1] for curve in curves)
    across, up = axis("bits per dimension", 6, range=[0, widest]), axis("SNR, dB", 4, range=[LOWEST_SNR_DB, _TOP])
    figure = go.Figure(layout=layout(HEIGHT, {"l": 40, "r": 116, "t": 8, "b": 40}, across=across, up=up))
    for curve in curves:
        scheme = SCHEMES[curve.scheme]
        figure.add_scatter(
            x=curve.bits,
            y=curve.snr_db,
            name=scheme.name,
            mode="lines",
            line={"color": scheme.colour, "width": scheme.width, "dash": scheme.dash},
            hovertemplate=f"{scheme.name}: %{{x:.3f}} bits, %{{y:.2f}} dB<extra></extra>",
        )
    for curve in curves if landings else ():
        if SCHEMES[curve.scheme].symbol:
            figure.add_trace(_points(curve.scheme, landings))
    _name_lines(figure, curves)
    _mark_gap(figure, mark)
    return figure


def _points(decoder: str, landings: Sequence[Landing]) -> go.Scatter:
    """The files as one decoder reads them, at their real sizes."""
    scheme = SCHEMES[decoder]
    return go.Scatter(
        x=[landing.bits for landing in landings],
        y=[landing.snr_db[decoder] for landing in landings],
        name=f"{scheme.name}, files",
        mode="markers",
        marker={"symbol": scheme.symbol, "size": 11 if scheme.symbol == "star" else 8, "color": scheme.colour},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [0.0] * len(landings),
            "arrayminus": [landing.bits - landing.ideal_bits for landing in landings],
            "color": scheme.colour,
            "thickness": 1.5,
            "width": 4,
        },
        customdata=[landing.num_bytes for landing in landings],
        hovertemplate=f"{scheme.name}: %{{customdata:,}} bytes, %{{x:.3f}} bits, %{{y:.2f}} dB<extra></extra>",
    )


def _name_lines(figure: go.Figure, curves: Sequence[TheoryCurve]) -> None:
    """Names right of the plot, each tied to its line by a stroke in the line's colour."""
    ends = [curve.snr_db[-1] for curve in curves]
    span = _TOP - LOWEST_SNR_DB
    for curve, end, place in zip(curves, ends, apart(ends, gap=_NAME_GAP * span, high=_TOP), strict=True):
        figure.add_annotation(
            x=curve.bits[-1],
            y=end,
            ax=_LEADER,
            ay=place,
            ayref="y",
            text=SCHEMES[curve.scheme].name,
            xanchor="left",
            arrowhead=0,
            arrowwidth=1.5,
            arrowcolor=SCHEMES[curve.scheme].colour,
        )


def _mark_gap(figure: go.Figure, mark: Mark) -> None:
    low, high = mark.snr_db["ancestral"], mark.snr_db["flow"]
    figure.add_vline(x=mark.bits, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    figure.add_shape(type="line", x0=mark.bits, x1=mark.bits, y0=low, y1=high, line={"color": NEUTRAL, "width": 4})
    figure.add_annotation(
        x=mark.bits, y=low, text=f"{mark.gap_db:.2f} dB", showarrow=False, xanchor="left", yanchor="top", xshift=8
    )
