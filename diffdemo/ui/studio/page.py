"""The main page: its components first, then the events between them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from itertools import count, repeat
from types import SimpleNamespace
from typing import Any

import gradio as gr

from diffdemo.engine import KNOBS, CodecInfo, Engine, Example, ModelInfo
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
    stops,
)
from diffdemo.ui.compare import comparer, previews, sides
from diffdemo.ui.fields import Figure, inline_choice, wide_choice
from diffdemo.ui.memory import kept
from diffdemo.ui.memory.session import SESSION_SECONDS, Session
from diffdemo.ui.models import card
from diffdemo.ui.plot import published
from diffdemo.ui.plot.lines import kinds
from diffdemo.ui.plot.view import View
from diffdemo.ui.server.file_fields import UploadInput
from diffdemo.ui.studio import samples
from diffdemo.ui.studio.opening import Waiting

THUMBNAIL_PIXELS = 160 * 160
LONGEST_PROMPT = 300
_PICK = """
element.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-index]");
  if (button) trigger("pick", { index: Number(button.dataset.index) });
});
"""
AMOUNTS = ("steps",)
"""Knobs that do not stand beside the decoder but in place of the bytes."""


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
    def named(self) -> dict[str, Any]:
        """What a link says of the page, by the names of `links.permalink.Place`."""
        encoding = ("codec", "model", "bpp", "num_bytes", "preset", "prompt", "side")
        shown = ("used", "decoder", "compare", "against", "left_rate", "right_rate", "view")
        return {name: getattr(self, name) for name in (*encoding, *shown)} | {"file_seed": self.seed} | self.knobs

    @property
    def halves(self) -> list[Any]:
        """What `choices.Halves` are read from."""
        return [self.compare, self.view, self.against, self.subject]

    @property
    def both(self) -> list[Any]:
        """What is asked about both halves: the session, what stands there, and at which rates."""
        return [self.session, *self.halves, self.left_rate, self.right_rate]


def build(engine: Engine) -> Studio:
    """Lay out the page, what matters first first; nothing happens yet."""
    studio = Studio(
        session=gr.State(Session(), time_to_live=SESSION_SECONDS),
        waiting=gr.State(Waiting(), time_to_live=SESSION_SECONDS),
        ready=gr.State(Waiting(), time_to_live=SESSION_SECONDS),
        wanted=gr.State(0, time_to_live=SESSION_SECONDS),
        about=gr.State(0, time_to_live=SESSION_SECONDS),
    )
    with gr.Row(elem_id="main", equal_height=False):
        with gr.Column(elem_id="middle", min_width=0):
            _build_stage(studio)
            _build_decoding(studio, engine.codecs()[0])
            _build_outcome(studio)
        with gr.Column(elem_id="left", min_width=0):
            _build_picture(studio, engine)
            _build_encoding(studio, engine)
        with gr.Column(elem_id="right", min_width=0):
            _build_plot(studio, engine)
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
    studio.examples = gr.HTML(
        label="Examples",
        html_template="".join(map(_thumbnail, count(), engine.examples(), repeat(engine))),
        js_on_load=_PICK,
        apply_default_css=False,
        elem_id="examples",
    )
    studio.notes = gr.HTML(elem_id="notes")
    studio.side = gr.Radio(
        [("original", 0)], value=0, label="Working size", info="Large pictures take long.", visible=False
    )


def _thumbnail(number: int, example: Example, engine: Engine) -> str:
    """A button that picks an example; it holds its preview, so that nothing more is fetched."""
    preview = previews.small(fit_pixels(engine.example_pixels(example.name), THUMBNAIL_PIXELS))
    source, label = f"data:image/webp;base64,{b64encode(preview).decode()}", escape(example.label)
    image = f'<img alt="{label}, preview" src="{source}">'
    return f'<button type="button" data-index="{number}" title="{label}">{image}</button>'


def _build_encoding(studio: Studio, engine: Engine) -> None:
    chosen, codecs = engine.model(engine.default_model), offers(engine)
    codec = codecs[chosen.codec]
    studio.codec = codec_choice(codecs.values(), codec, "codec")
    _build_choice(studio, engine.models(), chosen)
    studio.bpp = rate_slider(codec, "More bits, finer picture.", "bpp")
    at_rest: dict[str, Any] = {"value": 0, "label": "Rate", "info": "One of those that there are."}
    studio.level = gr.Slider(0, 1, step=1, buttons=[], elem_id="level", **(at_rest | stops(codec, chosen)))
    studio.preset = preset_choice(codec, "preset")
    _build_advanced(studio, codec)
    _build_shelf(studio)
    with gr.Row(elem_id="actions"):
        studio.compress = gr.Button("Compress", variant="primary", min_width=100)
        studio.go_on = gr.Button("Continue", visible=False, min_width=80, elem_id="go-on")
        studio.stop = gr.Button("Stop", interactive=False, min_width=80, elem_id="stop")


def _build_choice(studio: Studio, known: Sequence[ModelInfo], chosen: ModelInfo) -> None:
    """Lay out what is chosen: the model, and what a model can be told.

    The menu is narrowed to the codec when the page has loaded. To begin with it holds them all, because that is what
    Gradio checks a choice against where it does not know the page, as after a restart.
    """
    studio.model = gr.Dropdown(
        [(card.entry(info), info.name) for info in known],
        value=chosen.name,
        label="Model",
        filterable=False,
        elem_id="model",
    )
    studio.prompt = gr.Textbox(
        label="Prompt",
        info="Part of the file: 0 bytes.",
        placeholder="What the picture shows",
        max_length=LONGEST_PROMPT,
        max_lines=3,
        visible=chosen.takes_prompt,
        elem_id="prompt",
    )


def _build_shelf(studio: Studio) -> None:
    """Lay out what is shown of a model that has to be downloaded, and of its download."""
    studio.fetching = gr.State("", time_to_live=SESSION_SECONDS)
    studio.card = gr.HTML(visible=False, elem_id="card")
    studio.fetch = gr.Button("Download", variant="primary", visible=False, size="md", elem_id="fetch")
    studio.look = gr.Button("Look for more on the Hub", visible=False, size="sm", elem_id="look")
    with gr.Row(elem_id="arrival"):
        studio.arriving = gr.HTML(visible=False, elem_id="arriving")
        studio.cancel = gr.Button("Cancel", visible=False, size="sm", elem_id="cancel")


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
    studio.stage, studio.maps, studio.previews = comparer.build_stage()
    studio.kept = kept.build()
    studio.subject = gr.Textbox("", label="What the page is about", visible=False, max_length=40)


def _build_plot(studio: Studio, engine: Engine) -> None:
    metrics, label = [(metric.label, metric.name) for metric in available()], "Rate and distortion"
    studio.metric = wide_choice(metrics, BASE, label, "Real files. Click to choose.", "metric")
    studio.plot = Figure(label, "plot")
    studio.steps_plot = Figure("PSNR against denoising steps", "steps-plot", visible=False)
    _build_controls(studio, engine.codecs())
    gr.HTML(
        "Sharp decoders invent detail. Do not use them where detail is evidence: documents, medicine, forensics.",
        elem_id="caution",
    )


def _build_decoding(studio: Studio, codec: CodecInfo) -> None:
    """How much of the file to use, and what to make of it, to begin with by a codec's first decoder."""
    decoder = codec.decoders[0]
    knobs: dict[str, gr.Slider | gr.Number] = {}
    with gr.Column(elem_id="using", min_width=0):
        studio.used = gr.Slider(
            0,
            1,
            value=1,
            step=1,
            precision=0,
            label="Bytes of the file used",
            info="Cut the file anywhere.",
            interactive=False,
            buttons=[],
            elem_id="used",
        )
        knobs |= {name: knob(name, decoder) for name in AMOUNTS}
        studio.strip = gr.HTML(elem_id="strip")
    with gr.Row(elem_id="decoding"):
        studio.decoder = decoder_choice(codec)
        with gr.Row(elem_id="knobs"):
            knobs |= {name: knob(name, decoder) for name in KNOBS if name not in AMOUNTS}
    studio.knobs = {name: knobs[name] for name in KNOBS}
    studio.steps = knobs["steps"]


def _build_outcome(studio: Studio) -> None:
    """What is going on, what came of it in numbers, and the file to take along."""
    studio.argument = gr.HTML(elem_id="argument")
    with gr.Row(elem_id="files"):
        studio.status = gr.HTML(words.status("Starting …"), elem_id="status")
        studio.download = gr.DownloadButton("Download", interactive=False, elem_id="download", size="sm", scale=0)
        studio.open = UploadInput("Open a .difd file", file_types=[".difd"], elem_id="open", size="sm", scale=0)
        studio.beside = UploadInput(
            "Add original", file_types=["image"], visible=False, elem_id="beside", size="sm", scale=0
        )


def _build_controls(studio: Studio, codecs: Sequence[CodecInfo]) -> None:
    """What can be chosen about the plot, closed at first; `view` holds in words what all of them say."""
    studio.view = gr.Textbox(View().words(), label="What the plot shows", visible=False)
    studio.saved = gr.File(label="Points of the plot", visible=False)
    studio.credit = gr.HTML(elem_id="plot-credit")
    with gr.Accordion("Axes, lines, published curves, export", open=False, elem_id="plot-controls"):
        _build_axes(studio)
        _build_lines(studio, codecs)
        studio.others = gr.Dropdown(
            published.choices(),
            value="",
            label="Published curves",
            info="Of other pictures; dashed where no files were written.",
            filterable=False,
            elem_id="plot-others",
        )
        with gr.Row(elem_id="plot-export"):
            studio.save = {
                kind: gr.Button(f"Save {kind.upper()}", size="sm", min_width=70)
                for kind in ("csv", "json", "png", "svg")
            }
        studio.forget = gr.Button("Forget earlier encodes and decodes", size="sm", elem_id="plot-forget")


def _build_axes(studio: Studio) -> None:
    units = [("bits per pixel", "bpp"), ("bytes", "bytes")]
    studio.across = inline_choice(units, "bpp", "Rate in", "What a file costs.", "plot-across")
    scales = ["linear", "log"]
    studio.scale = inline_choice(scales, "linear", "Rate axis", "Log spreads small files.", "plot-scale")


def _build_lines(studio: Studio, codecs: Sequence[CodecInfo]) -> None:
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
