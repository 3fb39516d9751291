"""Components that look alike wherever they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
import plotly.graph_objects as go


def choice(options: Sequence[Any], value: Any, label: str, info: str, name: str | None, **more: Any) -> gr.Radio:
    """One of a few, under an element id."""
    more = {"elem_classes": "choice"} | more
    return gr.Radio(options, value=value, label=label, info=info, elem_id=name, **more)


def inline_choice(options: Sequence[Any], value: Any, label: str, info: str, name: str) -> gr.Radio:
    """One of a few, on the line of its label."""
    return choice(options, value, label, info, name, elem_classes="choice inline")


def wide_choice(options: Sequence[Any], value: Any, label: str, info: str, name: str) -> gr.Radio:
    """One of a few that need a line of their own, below label and explanation on one line."""
    return choice(options, value, label, info, name, elem_classes="choice above")


class Figure(gr.HTML):
    """A figure of Plotly, drawn in the browser by `assets/plots.js`: Gradio's own plot fetches four times as much."""

    def __init__(self, label: str, name: str, figure: go.Figure | None = None, **more: Any) -> None:
        program = """
            const place = element.querySelector(".figure"), draw = () => diffdemoPlots.draw(place, props.value);
            watch("value", draw);
            draw();
        """
        more |= {"html_template": '<div class="figure"></div>', "js_on_load": program, "apply_default_css": False}
        super().__init__(figure, label=label, elem_id=name, **more)

    def postprocess(self, value: go.Figure | None) -> str | None:
        """As JSON."""
        return None if value is None else str(value.to_json())
