"""Many pictures at once: choose, press Start, read the table, take the zip."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr

from diffdemo.engine import CodecInfo, Engine
from diffdemo.engine.arguments import MAX_BPP
from diffdemo.engine.batch.compress import MAX_PICTURES
from diffdemo.images import MAX_PIXELS
from diffdemo.ui import words
from diffdemo.ui.batch.acts import Batch, Page
from diffdemo.ui.batch.plot import batch_plot
from diffdemo.ui.batch.table import EMPTY
from diffdemo.ui.codec_controls import codec_choice, offers, preset_choice, rate_slider
from diffdemo.ui.events import AT_ONCE, LATEST, SILENT
from diffdemo.ui.fields import Figure, choice
from diffdemo.ui.memory.session import SESSION_SECONDS
from diffdemo.ui.programs.endpoints import AUTO, MAX_BYTES
from diffdemo.ui.server.file_fields import FileInput

QUEUE: dict[str, Any] = {"concurrency_id": "batch", "concurrency_limit": 1}
"""One batch at a time, beside the studio and not in its queue: nobody else should wait for a hundred pictures."""
SIZES = [("0.25", 1 << 18), ("1", 1 << 20), ("4", MAX_PIXELS)]
"""Megapixels that larger pictures are scaled down to."""


def build(tab: gr.Tab, engine: Engine) -> SimpleNamespace:
    """Lay out the tab; call it inside of it. Components that change during a batch have the names of `Page`."""
    first, *_ = codecs = engine.codecs()
    parts = SimpleNamespace(tab=tab, turn=gr.State(0, time_to_live=SESSION_SECONDS))
    with gr.Row(elem_id="batch", equal_height=False):
        with gr.Column(scale=0, min_width=264, elem_id="batch-order"):
            _build_input(parts, codecs)
            _build_target(parts, first)
            _build_extent(parts)
        with gr.Column(scale=4, min_width=340, elem_id="batch-outcome"):
            _build_outcome(parts, first.name, engine)
    return parts


def _build_input(parts: SimpleNamespace, codecs: list[CodecInfo]) -> None:
    # Without `file_types`: one file of another type would be refused together with all the rest.
    parts.files = FileInput(
        file_count="multiple",
        label=f"Pictures, at most {MAX_PICTURES}",
        height=150,
        elem_id="batch-files",
    )
    parts.codec = codec_choice(codecs, codecs[0], "batch-codec")
    parts.model = gr.Dropdown(label="Model", visible=False, elem_id="batch-model")


def _build_target(parts: SimpleNamespace, codec: CodecInfo) -> None:
    parts.bpp = rate_slider(codec, "The same for every picture.", "batch-bpp")
    parts.num_bytes = gr.Number(
        None,
        precision=0,
        minimum=0,
        label="Exact size in bytes, of each file",
        info="Instead of the rate; empty to use the rate.",
        elem_id="batch-bytes",
    )
    parts.preset = preset_choice(codec, "batch-preset")


def _build_extent(parts: SimpleNamespace) -> None:
    info = "Larger pictures are made smaller."
    parts.most_pixels = choice(SIZES, SIZES[1][1], "Most megapixels", info, "batch-pixels")
    parts.pictures = gr.Checkbox(False, label="Also the decoded pictures, as PNG", elem_id="batch-pictures")
    with gr.Row(elem_id="batch-actions"):
        parts.start = gr.Button("Start", variant="primary", min_width=100)
        parts.cancel = gr.Button("Cancel", interactive=False, min_width=80)


def _build_outcome(parts: SimpleNamespace, codec: str, engine: Engine) -> None:
    parts.status = gr.HTML(words.status("Nothing is running."), elem_id="batch-status")
    figure = batch_plot([], codec, engine.codecs())
    parts.plot = Figure("Rate and distortion of all pictures", "batch-plot", figure)
    with gr.Row(elem_id="batch-results"):
        parts.archive = gr.DownloadButton("Download the files, .zip", interactive=False, min_width=160)
        parts.sheet = gr.DownloadButton("Download the table, .csv", interactive=False, min_width=160)
    parts.table = gr.HTML(EMPTY, elem_id="batch-table")


def wire(batch: SimpleNamespace, engine: Engine) -> None:
    """Connect the tab with what answers its events, and expose the same to programs."""
    acts = Batch(engine)
    page = [getattr(batch, name) for name in Page._fields]
    begun = batch.start.click(acts.begin, [batch.files, batch.codec], page, **AT_ONCE)
    order = [batch.codec, batch.model, batch.bpp, batch.num_bytes, batch.preset, batch.most_pixels, batch.pictures]
    ran = begun.success(acts.run, [batch.files, *order, batch.turn], page, **SILENT, **QUEUE)
    ran.failure(acts.give_up, None, page, **AT_ONCE)
    batch.cancel.click(acts.cancel, None, page, **AT_ONCE)
    chosen = [batch.codec, batch.model]
    batch.tab.select(acts.refresh, chosen, batch.model, **AT_ONCE)
    batch.codec.input(acts.choose_codec, chosen, [*chosen, batch.bpp, batch.preset], **AT_ONCE, **LATEST)
    _expose(engine, acts)


def _expose(engine: Engine, acts: Batch) -> None:
    """Make the endpoint callable; its components are placed on the page where nobody sees them."""
    with gr.Row(visible=False):
        trigger = gr.Button()
        inputs = [
            FileInput(file_count="multiple", label="pictures"),
            gr.Number(engine.codecs()[0].rates.usual, minimum=0, maximum=MAX_BPP, label="bits per pixel"),
            gr.Number(None, precision=0, minimum=0, maximum=MAX_BYTES, label="bytes of each file; empty for no limit"),
            gr.Radio(["fast", "balanced", "best"], value="balanced", label="quality of search"),
            gr.Radio([AUTO, *offers(engine)], value=AUTO, label="codec"),
            gr.Textbox("", label="model; empty for the codec's own choice"),
            gr.Number(MAX_PIXELS, precision=0, minimum=1, maximum=MAX_PIXELS, label="most pixels"),
            gr.Checkbox(False, label="decoded pictures too"),
        ]
        outputs = [gr.File(label="zip of .difd files"), gr.File(label="table, CSV"), gr.JSON(label="report")]
    trigger.click(acts.batch, inputs, outputs, api_name="batch", show_progress="hidden", **QUEUE)
