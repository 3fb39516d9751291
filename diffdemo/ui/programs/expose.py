"""Endpoints for programs, made callable: each has components for what goes in and what comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from diffdemo.engine import KNOBS, Decoder, Engine
from diffdemo.engine.arguments import MAX_BPP, MAX_SEED
from diffdemo.engine.classical.files import available
from diffdemo.ui.codec_controls import offers
from diffdemo.ui.events import DEVICE, DOWNLOADS
from diffdemo.ui.programs.compare import Comparison, choices
from diffdemo.ui.programs.endpoints import AUTO, MAX_BYTES, Endpoints
from diffdemo.ui.server.file_fields import FileInput
from diffdemo.ui.studio.page import LONGEST_PROMPT

WANTED = frozenset(
    {
        *("compress", "decompress", "samples", "inspect", "models", "download", "classical", "difference"),
        *("compare_codecs", "curve", "batch"),
    }
)
"""Endpoints that stand alone. The page's own need its session: programs can call them, but are not told of them."""


def describe_wanted(demo: gr.Blocks) -> None:
    """Leave in the page's description for programs those endpoints that are for them."""
    for event in demo.fns.values():
        if event.api_visibility == "public" and event.api_name not in WANTED:
            event.api_visibility = "undocumented"


def expose(engine: Engine) -> None:
    """Make the endpoints callable; their components are placed on the page where nobody sees them."""
    calls = Endpoints(engine)
    with gr.Row(visible=False):
        trigger = gr.Button()
        image, file = FileInput(label="picture"), FileInput(label=".difd file")
        output, decoded, report = gr.File(label="file"), gr.File(label="PNG file"), gr.JSON(label="report")
        bpp, most_bpp = _rate(1.0, "bits per pixel"), _rate(None, "bits per pixel; empty for most bytes")
        num_bytes, most_bytes = _bytes(None, "bytes; empty for no limit"), _bytes(10_000, "most bytes")
        preset = gr.Radio(["fast", "balanced", "best"], value="balanced", label="quality of search")
        seed = gr.Number(0, precision=0, minimum=0, maximum=MAX_SEED, label="seed")
        decoder = gr.Radio([AUTO, *map(str, Decoder)], value=AUTO, label="decoder")
        realism, gamma, eta = (_number(name) for name in ("realism", "gamma", "eta"))
        label, most = "denoising steps; empty for what suits the model", KNOBS["steps"].high
        steps = gr.Number(None, precision=0, minimum=0, maximum=most, label=label)
        own = gr.Radio([AUTO, *offers(engine)], value=AUTO, label="codec")
        model = gr.Textbox("", label="model; empty for the codec's own choice")
        prompt = gr.Textbox("", label="prompt", max_length=LONGEST_PROMPT)
        wanted, refresh = gr.Textbox(label="model"), gr.Checkbox(False, label="ask the Hub")
        known, moment = gr.JSON(label="models"), gr.JSON(label="progress")
        count = gr.Number(4, precision=0, minimum=2, maximum=16, label="samples, 2 to 16")
        drawn, spread = gr.File(file_count="multiple", label="PNG files"), gr.File(label="spread, PNG file")
        mean = gr.File(label="mean, PNG file")
        second = FileInput(label="another picture")
        enlarged, errors = gr.File(label="difference, PNG file"), gr.File(label="error map, PNG file")
        codec = gr.Radio([*available()], value="jpeg", label="classical codec")
        first_bytes = _bytes(10_000, "most bytes of the first file")
        first_bpp = _rate(None, "bits per pixel of the first file; empty for most bytes")
        second_bpp = _rate(None, "bits per pixel of the second file; empty for equal bytes")
        second_codec = gr.Radio(choices(engine), value="jpeg", label="the second codec")
        first_codec = gr.Radio(choices(engine), value=engine.codecs()[0].name, label="the first codec")
        ours, theirs = gr.File(label="first picture, PNG file"), gr.File(label="second picture, PNG file")

    def endpoint(call: Callable[..., Any], inputs: list, outputs: list, **options: Any) -> None:
        trigger.click(call, inputs, outputs, api_name=call.__name__, show_progress="hidden", **options)

    endpoint(calls.compress, [image, bpp, num_bytes, preset, seed, own, model, prompt], [output, report], **DEVICE)
    rendering = [file, decoder, realism, num_bytes, seed, gamma, eta, steps]
    endpoint(calls.decompress, rendering, [decoded, report], **DEVICE)
    endpoint(calls.samples, [file, count, gamma, eta, steps, seed, num_bytes], [drawn, mean, spread], **DEVICE)
    endpoint(calls.inspect, [file], [report])
    endpoint(calls.models, [refresh], [known], **DOWNLOADS)
    endpoint(calls.download, [wanted], [moment], **DOWNLOADS)
    endpoint(calls.classical, [image, codec, most_bytes, most_bpp], [output, decoded, report])
    endpoint(calls.difference, [image, second], [enlarged, errors])
    compared = [image, first_bytes, second_codec, first_codec, first_bpp, second_bpp]
    endpoint(Comparison(engine).compare_codecs, compared, [ours, theirs, report], **DEVICE)


def _bytes(value: int | None, label: str) -> gr.Number:
    return gr.Number(value, precision=0, minimum=0, maximum=MAX_BYTES, label=label)


def _rate(value: float | None, label: str) -> gr.Number:
    return gr.Number(value, minimum=0, maximum=MAX_BPP, label=label)


def _number(name: str) -> gr.Number:
    """A field for a knob with all that decoders take."""
    knob = KNOBS[name]
    return gr.Number(knob.default, minimum=knob.low, maximum=knob.high, label=f"{name}, {knob.low:g} to {knob.high:g}")
