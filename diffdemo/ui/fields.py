"""Components that look alike wherever they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr


def choice(options: Sequence[Any], value: Any, label: str, info: str, name: str | None, **more: Any) -> gr.Radio:
    """One of a few, under an element id."""
    more = {"elem_classes": "choice"} | more
    return gr.Radio(options, value=value, label=label, info=info, elem_id=name, **more)


def inline_choice(options: Sequence[Any], value: Any, label: str, info: str, name: str) -> gr.Radio:
    """One of a few, on the line of its label."""
    return choice(options, value, label, info, name, elem_classes="choice inline")


def plot(label: str, name: str, figure: Any = None, **more: Any) -> gr.Plot:
    """A figure without a frame of words, under an element id."""
    return gr.Plot(figure, label=label, show_label=False, format="png", elem_id=name, **more)
