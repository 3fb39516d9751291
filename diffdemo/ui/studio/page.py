"""The main page: its components first, then the events between them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr

from diffdemo.engine import KNOBS, CodecInfo, Engine
from diffdemo.images import fit_pixels
from diffdemo.metrics.registry import BASE, available
from diffdemo.ui import rates, words
from diffdemo.ui.codec_controls import (
    codec_choice,
    decoder_choice,
    knob,
    offers,
    preset_choice,
    rate_slider,
    read_by,
)
from diffdemo.ui.compare import comparer, sides
from diffdemo.ui.memory.session import SESSION_SECONDS, Session
from diffdemo.ui.models import shelf
from diffdemo.ui.plot import controls as plot_controls
from diffdemo.ui.server.file_fields import UploadInput
from diffdemo.ui.studio import samples
from diffdemo.ui.studio.opening import Waiting

THUMBNAIL_PIXELS = 160 * 160
AMOUNTS, ADVANCED = ("steps",), ("eta",)
"""Knobs that do not stand beside the decoder: in place of the bytes, and in a section that is closed at first."""


class Studio(SimpleNamespace):
    """The components of the page; the names are those of `Screen` and of the handlers' arguments."""

    @property
    def settings(self) -> list[Any]:
        """What `choices.Settings` are read from."""
        amounts = [self.side, self.bpp, self.num_bytes, self.preset, self.seed]
        return [*amounts, self.codec, self.model, self.prompt]

    @property
    def choices(self) -> list[Any]:
        """What `choices.Choices` are read from."""
        return [self.used, self.decoder, *self.knobs.values()]

    @property
    def halves(self) -> list[Any]:
        """What `choices.Halves` are read from."""
        return [self.compare, self.view, self.against]


def build(engine: Engine) -> Studio:
    """Lay out the page; nothing happens yet."""
    studio = Studio(
        session=gr.State(Session(), time_to_live=SESSION_SECONDS),
        waiting=gr.State(Waiting(), time_to_live=SESSION_SECONDS),
        ready=gr.State(Waiting(), time_to_live=SESSION_SECONDS),
        wanted=gr.State(0, time_to_live=SESSION_SECONDS),
    )
    with gr.Row(elem_id="main", equal_height=False):
        with gr.Column(elem_id="left", scale=0, min_width=264):
            _build_picture(studio, engine)
            _build_encoding(studio, engine)
        with gr.Column(elem_id="middle", scale=3, min_width=340):
            _build_stage(studio)
        with gr.Column(elem_id="right", scale=2, min_width=300):
            _build_plot(studio, engine)
    with gr.Row(elem_id="bottom", equal_height=True):
        _build_decoding(studio, engine.codecs()[0])
    samples.build(studio)
    return studio


def _build_picture(studio: Studio, engine: Engine) -> None:
    studio.source = gr.Image(
        type="filepath",
        format="png",
        sources=["upload", "clipboard"],
        label="Your picture: drop, paste or choose",
        height=132,
        elem_id="source",
        buttons=[],
    )
    pictures = [fit_pixels(engine.example_pixels(example.name), THUMBNAIL_PIXELS) for example in engine.examples()]
    labels = [example.label for example in engine.examples()]
    studio.examples = gr.Gallery(
        value=[*zip(pictures, labels, strict=True)],
        format="png",
        label="Examples",
        show_label=False,
        columns=len(labels),
        rows=1,
        height=64,
        object_fit="cover",
        allow_preview=False,
        interactive=False,
        buttons=[],
        elem_id="examples",
    )
    studio.notes = gr.HTML(elem_id="notes")
    studio.side = gr.Radio(
        [("original", 0)], value=0, label="Working size", info="Large pictures take long.", visible=False
    )


def _build_encoding(studio: Studio, engine: Engine) -> None:
    chosen, codecs = engine.model(engine.default_model), offers(engine)
    codec = codecs[chosen.codec]
    studio.codec = codec_choice(codecs.values(), codec, "codec")
    shelf.build_choice(studio, engine.models(), chosen)
    studio.bpp = rate_slider(codec, "More bits, finer picture.", "bpp")
    studio.preset = preset_choice(codec, "preset")
    _build_advanced(studio, codec)
    shelf.build_shelf(studio)
    with gr.Row(elem_id="actions"):
        studio.compress = gr.Button("Compress", variant="primary", min_width=100)
        studio.stop = gr.Button("Stop", interactive=False, min_width=80)


def _build_advanced(studio: Studio, codec: CodecInfo) -> None:
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        studio.num_bytes = gr.Number(
            value=None,
            precision=0,
            minimum=0,
            label="Exact size in bytes",
            info="Instead of the rate; empty to use the rate.",
        )
        studio.seed = gr.Number(
            value=0,
            precision=0,
            minimum=0,
            maximum=2**32 - 1,
            label="Seed",
            info="Of the randomness that encoder and decoder share.",
            visible="seed" in codec.options,
        )


def _build_stage(studio: Studio) -> None:
    with gr.Row(elem_id="halves"):
        for name, side, value in (("compare", "Left", sides.ORIGINAL), ("against", "Right", sides.OURS)):
            choice = gr.Dropdown(
                [(words.ORIGINAL, sides.ORIGINAL), ("this file", sides.OURS)],
                value=value,
                label=side,
                filterable=False,
                min_width=120,
                elem_id=name,
                elem_classes=["half", side.lower()],
            )
            setattr(studio, name, choice)
            amount = gr.Dropdown(
                rates.choices(),
                value=rates.EQUAL,
                label=f"{side} rate",
                allow_custom_value=True,
                visible=False,
                min_width=120,
                elem_id=f"{side.lower()}-rate",
                elem_classes=["half", side.lower(), "rate"],
            )
            setattr(studio, f"{side.lower()}_rate", amount)
    studio.stage, studio.maps = comparer.build_stage()
    studio.argument = gr.HTML(elem_id="argument")


def _build_plot(studio: Studio, engine: Engine) -> None:
    studio.metric = gr.Radio(
        [(metric.label, metric.name) for metric in available()],
        value=BASE,
        label="Rate and distortion",
        info="Real files. Click to choose.",
        elem_id="metric",
        elem_classes="choice inline",
    )
    studio.plot = gr.Plot(label="Rate and distortion", show_label=False, format="png", elem_id="plot", buttons=[])
    studio.steps_plot = gr.Plot(
        label="PSNR against denoising steps",
        show_label=False,
        format="png",
        visible=False,
        elem_id="steps-plot",
        buttons=[],
    )
    plot_controls.build(studio, engine.codecs())
    gr.HTML(
        "Sharp decoders invent detail. Do not use them where detail is evidence: documents, medicine, forensics.",
        elem_id="caution",
    )


def _build_decoding(studio: Studio, codec: CodecInfo) -> None:
    """How much of the file to use, and what to make of it, to begin with by a codec's first decoder."""
    decoder = codec.decoders[0]
    knobs: dict[str, gr.Slider | gr.Number] = {}
    with gr.Column(scale=3, min_width=340, elem_id="using"):
        studio.status = gr.HTML(words.status("Starting …"), elem_id="status")
        studio.used = gr.Slider(
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
        knobs |= {name: knob(name, decoder) for name in AMOUNTS}
        studio.strip = gr.HTML(elem_id="strip")
    with gr.Column(scale=5, min_width=340, elem_id="decoding"):
        studio.decoder = decoder_choice(codec)
        with gr.Row(elem_id="files"):
            with gr.Row(elem_id="knobs", elem_classes="inside"):
                knobs |= {name: knob(name, decoder) for name in KNOBS if name not in (*AMOUNTS, *ADVANCED)}
            studio.download = gr.DownloadButton(
                "Download", interactive=False, elem_id="download", size="md", min_width=120
            )
            studio.open = UploadInput(
                "Open a .difd file", file_types=[".difd"], elem_id="open", size="md", min_width=120
            )
        is_used = not read_by(decoder).isdisjoint(ADVANCED)
        with gr.Accordion("Advanced", open=False, visible=is_used, elem_id="more") as studio.more:
            knobs |= {name: knob(name, decoder) for name in ADVANCED}
    studio.knobs = {name: knobs[name] for name in KNOBS}
