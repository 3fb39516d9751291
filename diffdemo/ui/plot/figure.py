"""How every plot of the page looks: no frame, grey words and lines that are seen on light and on dark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

TEXT = "#6b6b6b"
NEUTRAL = "#808080"
"""For strokes that belong to no codec, seen on light and on dark as well."""
_GRID = "rgba(128,128,128,0.22)"


def axis(title: str, standoff: int, **options: Any) -> dict[str, Any]:
    """An axis that nobody moves by dragging.

    Args:
        standoff: pixels between its numbers and the title.
    """
    title_of_axis = {"text": title, "standoff": standoff}
    return {"gridcolor": _GRID, "zeroline": False, "fixedrange": True, "title": title_of_axis, **options}


def layout(
    height: int, margin: dict[str, int], *, across: dict[str, Any], up: dict[str, Any], **more: Any
) -> go.Layout:
    """A figure's layout.

    Args:
        height: in pixels.
        margin: "l", "r", "t" and "b" in pixels.
    """
    options = {"showlegend": False, "hovermode": "closest"} | more
    return go.Layout(
        template="none",
        height=height,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 12, "color": TEXT},
        margin=margin,
        xaxis=across,
        yaxis=up,
        **options,
    )


def padded(values: Sequence[float], share: float, least: float) -> tuple[float, float]:
    """The range of values with a margin of a share of it on either side; at least as wide as `least`."""
    span = max(values) - min(values)
    margin = max(share * span, (least - span) / 2)
    return min(values) - margin, max(values) + margin
