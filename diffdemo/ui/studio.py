"""The main page: its components first, then the events between them."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.images import Pixels, fit_pixels
from diffdemo.ui import present
from diffdemo.ui.handlers import DEFAULT_BPP
from diffdemo.ui.session import Session

SESSION_SECONDS = 3600
THUMBNAIL_PIXELS = 160 * 160


@dataclass(frozen=True, slots=True)
class Studio:
    """The components of the page; the names are those of `Screen` and of the handlers' arguments."""

    session: gr.State
    source: gr.Image
    examples: gr.Gallery
    notes: gr.HTML
    side: gr.Radio
    bpp: gr.Slider
    preset: gr.Radio
    num_bytes: gr.Number
    seed: gr.Number
    compress: gr.Button
    stop: gr.Button
    stage: gr.ImageSlider
    captions: gr.HTML
    argument: gr.HTML
    status: gr.HTML
    compare: gr.Radio
    plot: gr.Plot
    metric: gr.Radio
    used: gr.Slider
    strip: gr.HTML
    decoder: gr.Radio
    realism: gr.Slider
    draw: gr.Number
    download: gr.DownloadButton
    open: gr.UploadButton


def build(engine: Engine) -> Studio:
    """Lay out the page; nothing happens yet."""
    parts: dict = {"session": gr.State(Session(), time_to_live=SESSION_SECONDS)}
    with gr.Row(elem_id="main", equal_height=False):
        with gr.Column(elem_id="left", scale=0, min_width=264):
            _build_picture(parts, engine)
        with gr.Column(elem_id="middle", scale=3, min_width=340):
            _build_stage(parts)
        with gr.Column(elem_id="right", scale=2, min_width=300):
            _build_plot(parts)
    with gr.Row(elem_id="bottom", equal_height=True):
        _build_decoder(parts)
    return Studio(**parts)


def _build_picture(parts: dict, engine: Engine) -> None:
    parts["source"] = gr.Image(
        type="filepath",
        format="png",
        sources=["upload", "clipboard"],
        label="Your picture: drop, paste or choose",
        height=132,
        elem_id="source",
        buttons=[],
    )
    parts["examples"] = gr.Gallery(
        value=[(_thumbnail(engine.example_pixels(example.name)), example.label) for example in engine.examples()],
        format="png",
        label="Examples",
        show_label=False,
        columns=len(engine.examples()),
        rows=1,
        height=64,
        object_fit="cover",
        allow_preview=False,
        interactive=False,
        buttons=[],
        elem_id="examples",
    )
    parts["notes"] = gr.HTML(elem_id="notes")
    parts["side"] = gr.Radio(
        [("original", 0)], value=0, label="Working size", info="Large pictures take long.", visible=False
    )
    parts["bpp"] = gr.Slider(
        0.1,
        3,
        value=DEFAULT_BPP,
        step=0.05,
        label="Rate, bits per pixel",
        info="More bits, finer picture.",
        buttons=[],
        elem_id="bpp",
    )
    parts["preset"] = gr.Radio(
        ["fast", "balanced", "best"],
        value="balanced",
        label="Quality of search",
        info="Longer search, smaller files.",
        elem_id="preset",
        elem_classes="choice",
    )
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        parts["num_bytes"] = gr.Number(
            value=None,
            precision=0,
            minimum=0,
            label="Exact size in bytes",
            info="Instead of the rate; empty to use the rate.",
        )
        parts["seed"] = gr.Number(
            value=0,
            precision=0,
            minimum=0,
            maximum=2**32 - 1,
            label="Seed",
            info="Of the randomness that encoder and decoder share.",
        )
    with gr.Row(elem_id="actions"):
        parts["compress"] = gr.Button("Compress", variant="primary", min_width=100)
        parts["stop"] = gr.Button("Stop", interactive=False, min_width=80)


def _build_stage(parts: dict) -> None:
    parts["captions"] = gr.HTML(elem_id="captions")
    parts["stage"] = gr.ImageSlider(
        format="png",
        type="filepath",
        label="Left against right",
        show_label=False,
        interactive=False,
        height=380,
        max_height=380,
        buttons=["fullscreen"],
        elem_id="stage",
    )
    parts["compare"] = gr.Radio(
        [(present.COMPARISONS[key], key) for key in present.COMPARISONS],
        value="original",
        label="Compare with",
        info="With as many bytes.",
        elem_id="compare",
        elem_classes="choice inline",
    )
    parts["argument"] = gr.HTML(elem_id="argument")


def _build_plot(parts: dict) -> None:
    parts["metric"] = gr.Radio(
        [("PSNR", "psnr_db"), ("MS-SSIM", "ms_ssim")],
        value="psnr_db",
        label="Rate and distortion",
        info="This picture, real files.",
        elem_id="metric",
        elem_classes="choice inline",
    )
    parts["plot"] = gr.Plot(label="Rate and distortion", show_label=False, format="png", elem_id="plot", buttons=[])
    gr.HTML(
        "Sharp decoders invent detail. Do not use them where detail is evidence: documents, medicine, forensics.",
        elem_id="caution",
    )


def _build_decoder(parts: dict) -> None:
    with gr.Column(scale=3, min_width=340, elem_id="using"):
        parts["status"] = gr.HTML(present.status("Starting …"), elem_id="status")
        parts["used"] = gr.Slider(
            0,
            1,
            value=1,
            step=1,
            precision=0,
            label="Bytes of the file used",
            info="Every beginning of the file is a picture. Cut it anywhere.",
            interactive=False,
            buttons=[],
            elem_id="used",
        )
        parts["strip"] = gr.HTML(elem_id="strip")
    with gr.Column(scale=5, min_width=340, elem_id="decoding"):
        parts["decoder"] = gr.Radio(
            [(words, key) for key, words in present.DECODERS.items()],
            value="mean",
            label="What the decoder does about bits that were not sent",
            info="Same bytes each time; only the guess about the rest differs.",
            elem_id="decoder",
            elem_classes="choice",
        )
        with gr.Row(elem_id="files"):
            parts["realism"] = gr.Slider(
                0,
                1,
                value=1,
                step=0.05,
                label="Realism",
                info="0 safest average, 1 sharp.",
                visible=False,
                buttons=[],
                elem_id="realism",
            )
            parts["draw"] = gr.Number(
                value=0,
                precision=0,
                minimum=0,
                maximum=2**32 - 1,
                label="Which one",
                info="Another number, another picture.",
                visible=False,
                elem_id="draw",
            )
            parts["download"] = gr.DownloadButton(
                "Download", interactive=False, elem_id="download", size="md", min_width=120
            )
            parts["open"] = gr.UploadButton(
                "Open a .difd file", file_types=[".difd"], elem_id="open", size="md", min_width=120
            )


def _thumbnail(pixels: Pixels) -> Pixels:
    return fit_pixels(pixels, THUMBNAIL_PIXELS)
