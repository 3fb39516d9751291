"""The lower part of the page: how much of the file to use, and what to make of it. Controls follow the file's codec."""

from __future__ import annotations

import gradio as gr

from diffdemo.ui import words as present
from diffdemo.ui.codec_controls import DEFAULT_GAMMA, DEFAULT_STEPS, MOST_STEPS
from diffdemo.ui.server.file_fields import UploadInput

_LARGEST_SEED = 2**32 - 1


def build(parts: dict) -> None:
    """Lay out both columns: work done on the file, and the choice of a decoder."""
    with gr.Column(scale=3, min_width=340, elem_id="using"):
        parts["status"] = gr.HTML(present.status("Starting …"), elem_id="status")
        _build_amounts(parts)
    with gr.Column(scale=5, min_width=340, elem_id="decoding"):
        _build_choices(parts)
        with gr.Row(elem_id="files"):
            with gr.Row(elem_id="knobs", elem_classes="inside") as parts["knobs"]:
                _build_knobs(parts)
            with gr.Row(elem_id="texture-knobs", elem_classes="inside", visible=False) as parts["texture_knobs"]:
                _build_texture_knobs(parts)
            parts["download"] = gr.DownloadButton(
                "Download", interactive=False, elem_id="download", size="md", min_width=120
            )
            parts["open"] = UploadInput(
                "Open a .difd file", file_types=[".difd"], elem_id="open", size="md", min_width=120
            )
        _build_more(parts)


def _build_amounts(parts: dict) -> None:
    """Bytes are what there can be more of in a DiffC file, and steps in the decoding of a CDC file."""
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
    parts["steps"] = gr.Slider(
        1,
        MOST_STEPS,
        value=DEFAULT_STEPS,
        step=1,
        precision=0,
        label="Denoising steps",
        info="More steps, more texture, and not one byte more.",
        visible=False,
        buttons=[],
        elem_id="steps",
    )
    parts["strip"] = gr.HTML(elem_id="strip")


def _build_choices(parts: dict) -> None:
    parts["decoder"] = gr.Radio(
        [(words, key) for key, words in present.DECODERS.items()],
        value="mean",
        label="What the decoder does about bits that were not sent",
        info="Same bytes each time; only the guess about the rest differs.",
        elem_id="decoder",
        elem_classes="choice",
    )
    parts["texture"] = gr.Radio(
        [(words, key) for key, words in present.TEXTURES.items()],
        value="deterministic",
        label="Where the decoder takes texture from",
        info="Same bytes each time; only the texture differs.",
        visible=False,
        elem_id="texture",
        elem_classes="choice",
    )


def _build_knobs(parts: dict) -> None:
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
        maximum=_LARGEST_SEED,
        label="Which one",
        info="Another number, another picture.",
        visible=False,
        elem_id="draw",
    )


def _build_texture_knobs(parts: dict) -> None:
    parts["gamma"] = gr.Slider(
        0,
        1,
        value=DEFAULT_GAMMA,
        step=0.05,
        label="Gamma",
        info="Noise to start from.",
        visible=False,
        buttons=[],
        elem_id="gamma",
    )
    parts["noise"] = gr.Number(
        value=0,
        precision=0,
        minimum=0,
        maximum=_LARGEST_SEED,
        label="Which noise",
        info="Another number, another texture.",
        visible=False,
        min_width=120,
        elem_id="noise",
    )


def _build_more(parts: dict) -> None:
    with gr.Accordion("Advanced", open=False, visible=False, elem_id="more") as parts["more"]:
        parts["eta"] = gr.Slider(
            0,
            1,
            value=0,
            step=0.05,
            label="Eta",
            info="Fresh noise in every step: 0 none, 1 most.",
            buttons=[],
            elem_id="eta",
        )
