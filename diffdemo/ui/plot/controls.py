"""What can be chosen about the plot, below it: axes, lines, the curves of others, and files to keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from diffdemo.engine import CodecInfo
from diffdemo.ui.plot import published_lines
from diffdemo.ui.plot.lines import kinds
from diffdemo.ui.plot.view import View

FORMATS = ("csv", "json", "png", "svg")


@dataclass(frozen=True, slots=True)
class PlotControls:
    """The components; `view` holds what all of them say together, in the words of `View`."""

    view: gr.Textbox
    across: gr.Radio
    scale: gr.Radio
    lines: gr.CheckboxGroup
    sweeps: gr.Checkbox
    others: gr.Dropdown
    credit: gr.HTML
    save: dict[str, gr.Button]
    saved: gr.File
    forget: gr.Button


def build(codecs: Sequence[CodecInfo]) -> PlotControls:
    """Lay them out; closed, because the plot is good to begin with."""
    view = gr.Textbox(View().words(), label="What the plot shows", visible=False)
    saved = gr.File(label="Points of the plot", visible=False)
    credit = gr.HTML(elem_id="plot-credit")
    with gr.Accordion("Axes, lines, published curves, export", open=False, elem_id="plot-controls"):
        across, scale = _build_axes()
        lines, sweeps = _build_lines(codecs)
        others = gr.Dropdown(
            published_lines.choices(),
            value="",
            label="Published curves",
            info="Of other pictures; dashed where no files were written.",
            filterable=False,
            elem_id="plot-others",
        )
        with gr.Row(elem_id="plot-export"):
            save = {kind: gr.Button(f"Save {kind.upper()}", size="sm", min_width=70) for kind in FORMATS}
        forget = gr.Button("Forget earlier encodes and decodes", size="sm", elem_id="plot-forget")
    return PlotControls(view, across, scale, lines, sweeps, others, credit, save, saved, forget)


def _build_axes() -> tuple[gr.Radio, gr.Radio]:
    across = gr.Radio(
        [("bits per pixel", "bpp"), ("bytes", "bytes")],
        value="bpp",
        label="Rate in",
        info="What a file costs.",
        elem_id="plot-across",
        elem_classes="choice inline",
    )
    scale = gr.Radio(
        ["linear", "log"],
        value="linear",
        label="Rate axis",
        info="Log spreads small files.",
        elem_id="plot-scale",
        elem_classes="choice inline",
    )
    return across, scale


def _build_lines(codecs: Sequence[CodecInfo]) -> tuple[gr.CheckboxGroup, gr.Checkbox]:
    offered = kinds(codecs)
    swept, embedded = (
        " and ".join(codec.label for codec in codecs if codec.is_embedded == is_embedded)
        for is_embedded in (False, True)
    )
    lines = gr.CheckboxGroup(
        [(name, kind) for kind, name in offered.items()],
        value=list(offered),
        label="Lines",
        info="What the plot shows of this picture.",
        elem_id="plot-lines",
        elem_classes="choice",
    )
    sweeps = gr.Checkbox(
        False,
        label=f"{swept} beside {embedded}",
        info=f"Codes this picture with {swept} at several rates; takes seconds.",
        elem_id="plot-sweeps",
    )
    return lines, sweeps
