"""The controls that follow a codec: its choice, the rate, how its encoder searches, its decoders and their knobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gradio as gr

from diffdemo.engine import DECODERS, KNOBS, CodecInfo, Decoder, Engine, ModelInfo
from diffdemo.ui.fields import choice, wide_choice

MIN_BPP = BPP_STEP = 0.01
_KNOB_WIDTH = 90
"""Pixels at least: a row has room for all that stand in it, those that are hidden too."""


def offers(engine: Engine) -> dict[str, CodecInfo]:
    """The codecs by name, as they are offered; the first one counts where none is named."""
    return {codec.name: codec for codec in engine.codecs()}


def codec_choice(codecs: Iterable[CodecInfo], chosen: CodecInfo, name: str) -> gr.Radio:
    """The choice of a codec, under an element id of its own."""
    return choice([(each.label, each.name) for each in codecs], chosen.name, "Codec", chosen.sentence, name)


def rate_slider(codec: CodecInfo, info: str, name: str) -> gr.Slider:
    """The rate of an encode."""
    return gr.Slider(**_rates(codec), label="Rate, bits per pixel", info=info, buttons=[], elem_id=name)


def stops(codec: CodecInfo, chosen: ModelInfo) -> dict[str, Any]:
    """The slider of a codec whose models have one rate each, which stops where there is a model; hidden for others.

    Where there is one model only, the menu says of which rate it is.
    """
    if len(codec.stops) < 2 or chosen.rate is None:
        return {"visible": False}
    rates = f"{len(codec.stops)} rates, each with a model of its own"
    return {
        "maximum": len(codec.stops) - 1,
        "value": codec.stops.index(chosen.rate),
        "label": f"Rate: {chosen.rate:g} bits per pixel",
        "info": f"{codec.label} has {rates}: the slider stops at these.",
        "visible": True,
    }


def preset_choice(codec: CodecInfo, name: str) -> gr.Radio:
    """How long an encoder that searches does so."""
    is_read, info = "preset" in codec.options, "Longer search, smaller files."
    return choice(["fast", "balanced", "best"], "balanced", "Quality of search", info, name, visible=is_read)


def encoding_controls(codec: CodecInfo) -> tuple[dict, dict, dict, dict]:
    """Updates for the choice itself, the rate, the preset and the seed."""
    return (
        gr.update(info=codec.sentence),
        gr.update(**_rates(codec)),
        gr.update(visible="preset" in codec.options),
        gr.update(visible="seed" in codec.options),
    )


def decoder_choice(codec: CodecInfo) -> gr.Radio:
    """The choice of a decoder."""
    info = "What to make of bits that were not sent."
    return wide_choice(_decoders(codec), codec.decoders[0], "Decoder", info, "decoder")


def decoding_controls(codec: CodecInfo, wish: str) -> dict[str, Any]:
    """Fields of a `Screen` for a file of a codec, to begin with the decoder of `wish` if the codec has it."""
    decoder = wish if wish in codec.decoders else codec.decoders[0]
    steps = "steps" in read_by(decoder, codec)
    return {
        "used": gr.update(visible=codec.is_embedded),
        "decoder": gr.update(choices=_decoders(codec), value=decoder),
        "steps": gr.update(visible=steps),
        "steps_plot": gr.update(visible=steps),
    }


def knob(name: str, decoder: str) -> gr.Slider | gr.Number:
    """The control of one of `KNOBS`, shown where the decoder reads it."""
    entry = KNOBS[name]
    options: dict[str, Any] = {"value": entry.default, "label": entry.label, "info": entry.info, "elem_id": name}
    options |= {"visible": name in read_by(decoder), "precision": 0 if entry.is_whole else None}
    options["min_width"] = _KNOB_WIDTH
    if entry.step:
        return gr.Slider(entry.low, entry.most, step=entry.step, buttons=[], **options)
    return gr.Number(minimum=entry.low, maximum=entry.most, **options)


def read_by(decoder: str, codec: CodecInfo | None = None) -> frozenset[str]:
    """Names of the knobs that a decoder reads, that of a codec where it is known which."""
    read = frozenset(DECODERS[Decoder(decoder)].knobs)
    return read if codec is None else read.intersection(codec.knobs)


def _decoders(codec: CodecInfo) -> list[tuple[str, str]]:
    return [(DECODERS[Decoder(name)].plain, name) for name in codec.decoders]


def _rates(codec: CodecInfo) -> dict[str, Any]:
    """From less than most codecs can reach: what is too little is told in words, not rounded up in silence."""
    least, most = min(MIN_BPP, codec.rates.usual), codec.rates.most
    steps = {"minimum": least, "maximum": most, "step": min(BPP_STEP, least)}
    return {**steps, "value": codec.rates.usual, "visible": not codec.stops}
