"""What the page offers for each codec: words, range of rates, and which controls make sense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

LEAST_BPP, BPP_STEP = 0.1, 0.05
MOST_STEPS, DEFAULT_STEPS = 65, 17
DEFAULT_GAMMA = 0.8


@dataclass(frozen=True, slots=True)
class Offer:
    """A codec as it is offered for compressing.

    Attributes:
        label: what visitors choose.
        sentence: what it is, in one.
        bpp, most_bpp: rate to begin with, and the highest that makes sense.
        searches: whether its encoder searches, with a preset and randomness that it shares with the decoder.
    """

    label: str
    sentence: str
    bpp: float
    most_bpp: float
    searches: bool


OFFERS = {
    "diffc": Offer("DiffC", "Any prefix of the file is a picture.", bpp=1.0, most_bpp=3.0, searches=True),
    "cdc": Offer("CDC", "Content in bits, texture from the decoder.", bpp=0.4, most_bpp=1.0, searches=False),
}
DEFAULT_CODEC = "diffc"


def codec_choice(codec: str, name: str) -> gr.Radio:
    """The choice of a codec, under an element id of its own."""
    choices = [(each.label, key) for key, each in OFFERS.items()]
    info = OFFERS[codec].sentence
    return gr.Radio(choices, value=codec, label="Codec", info=info, elem_id=name, elem_classes="choice")


def rate_slider(offer: Offer, info: str, name: str) -> gr.Slider:
    """The rate of an encode."""
    options: dict[str, Any] = {"step": BPP_STEP, "label": "Rate, bits per pixel", "info": info, "buttons": []}
    return gr.Slider(LEAST_BPP, offer.most_bpp, value=offer.bpp, elem_id=name, **options)


def preset_choice(offer: Offer, name: str) -> gr.Radio:
    """How long an encoder that searches does so."""
    return gr.Radio(
        ["fast", "balanced", "best"],
        value="balanced",
        label="Quality of search",
        info="Longer search, smaller files.",
        visible=offer.searches,
        elem_id=name,
        elem_classes="choice",
    )


def encoding_controls(codec: str) -> tuple[dict, dict, dict, dict]:
    """Updates for the choice itself, the rate, the preset and the seed."""
    offer = OFFERS[codec]
    return (
        gr.update(info=offer.sentence),
        gr.update(maximum=offer.most_bpp, value=offer.bpp),
        gr.update(visible=offer.searches),
        gr.update(visible=offer.searches),
    )


def decoding_controls(*, is_embedded: bool) -> dict[str, Any]:
    """Fields of a `Screen` that show what can be chosen for such a file, and hide the rest."""
    if is_embedded:
        shown, hidden = gr.update(visible=True), gr.update(visible=False)
    else:
        shown, hidden = gr.update(visible=False), gr.update(visible=True)
    return {
        "used": shown,
        "decoder": shown,
        "knobs": shown,
        "texture": hidden,
        "texture_knobs": hidden,
        "steps": hidden,
        "steps_plot": hidden,
    }
