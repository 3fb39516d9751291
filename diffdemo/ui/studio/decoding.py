"""The lower part of the page: how much of the file to use, and what to make of it. Controls follow the file's codec."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr

from diffdemo.engine import KNOBS, CodecInfo
from diffdemo.ui import words
from diffdemo.ui.codec_controls import decoder_choice, knob, read_by
from diffdemo.ui.server.file_fields import UploadInput

AMOUNTS, ADVANCED = ("steps",), ("eta",)
"""Knobs that do not stand beside the decoder: in place of the bytes, and in a section that is closed at first."""


def build(studio: SimpleNamespace, codec: CodecInfo) -> None:
    """Lay out both columns: work done on the file, and the choice of a decoder, to begin with that of a codec."""
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
