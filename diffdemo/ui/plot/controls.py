"""What can be chosen about the plot, below it: axes, lines, the curves of others, and files to keep."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import gradio as gr

from diffdemo.engine import CodecInfo
from diffdemo.ui.plot import published_lines
from diffdemo.ui.plot.lines import kinds
from diffdemo.ui.plot.view import View

FORMATS = ("csv", "json", "png", "svg")


def build(studio: SimpleNamespace, codecs: Sequence[CodecInfo]) -> None:
    """Lay them out, closed, because the plot is good to begin with; `view` holds in words what all of them say."""
    studio.view = gr.Textbox(View().words(), label="What the plot shows", visible=False)
    studio.saved = gr.File(label="Points of the plot", visible=False)
    studio.credit = gr.HTML(elem_id="plot-credit")
    with gr.Accordion("Axes, lines, published curves, export", open=False, elem_id="plot-controls"):
        _build_axes(studio)
        _build_lines(studio, codecs)
        studio.others = gr.Dropdown(
            published_lines.choices(),
            value="",
            label="Published curves",
            info="Of other pictures; dashed where no files were written.",
            filterable=False,
            elem_id="plot-others",
        )
        with gr.Row(elem_id="plot-export"):
            studio.save = {kind: gr.Button(f"Save {kind.upper()}", size="sm", min_width=70) for kind in FORMATS}
        studio.forget = gr.Button("Forget earlier encodes and decodes", size="sm", elem_id="plot-forget")


def _build_axes(studio: SimpleNamespace) -> None:
    studio.across = gr.Radio(
        [("bits per pixel", "bpp"), ("bytes", "bytes")],
        value="bpp",
        label="Rate in",
        info="What a file costs.",
        elem_id="plot-across",
        elem_classes="choice inline",
    )
    studio.scale = gr.Radio(
        ["linear", "log"],
        value="linear",
        label="Rate axis",
        info="Log spreads small files.",
        elem_id="plot-scale",
        elem_classes="choice inline",
    )


def _build_lines(studio: SimpleNamespace, codecs: Sequence[CodecInfo]) -> None:
    offered = kinds(codecs)
    swept, embedded = (
        " and ".join(codec.label for codec in codecs if codec.is_embedded == is_embedded)
        for is_embedded in (False, True)
    )
    studio.lines = gr.CheckboxGroup(
        [(name, kind) for kind, name in offered.items()],
        value=list(offered),
        label="Lines",
        info="What the plot shows of this picture.",
        elem_id="plot-lines",
        elem_classes="choice",
    )
    studio.sweeps = gr.Checkbox(
        False,
        label=f"{swept} beside {embedded}",
        info=f"Codes this picture with {swept} at several rates; takes seconds.",
        elem_id="plot-sweeps",
    )
