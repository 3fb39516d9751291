"""The section for a closer look at a file: its components, and the events between them and `Looks`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr

from diffdemo.ui.closer import filmstrip
from diffdemo.ui.closer.acts import Looks
from diffdemo.ui.events import AT_ONCE, DEVICE, LOW_PRIORITY, SILENT
from diffdemo.ui.fields import inline_choice

DEFAULT_LINE = "3g"
_BUTTONS = (
    ("strip", "Film strip", 120),
    ("all", "All decoders", 120),
    ("bits", "Where the bits went", 150),
    ("card", "Result card", 120),
    ("link", "Copy link", 120),
)
"""Name, words, and least width in pixels."""


def build() -> SimpleNamespace:
    """Lay out the section; call it inside the studio's tab."""
    parts = SimpleNamespace()
    with gr.Column(elem_id="closer"):
        gr.HTML("<b>Look closer</b><p>How the picture arrives, where its bits went, and both to pass on.</p>")
        with gr.Row(elem_id="closer-buttons"):
            for name, label, width in _BUTTONS:
                setattr(parts, name, gr.Button(label, size="md", min_width=width, elem_id=f"closer-{name}"))
        parts.frames = _gallery("The picture as its bits arrive", "film")
        with gr.Row(visible=False, elem_id="play-row") as parts.row:
            lines = [(label, key) for key, (label, _) in filmstrip.LINES.items()]
            parts.line = inline_choice(lines, DEFAULT_LINE, "Play the download over a", "In real time.", "line")
            for name in ("play", "halt"):
                setattr(parts, name, gr.Button(name.title(), size="md", scale=0, min_width=90, elem_id=name))
        parts.row_of_all = _gallery("From the same bytes", "all-decoders")
        parts.clock = gr.HTML(elem_id="clock")
        parts.screen = _picture("Arriving", [])
        parts.map = _picture("Bits per pixel", ["fullscreen"])
        parts.legend = gr.HTML(elem_id="bits-legend")
        parts.file = gr.File(label="Result card", interactive=False, visible=False)
        parts.query = gr.Textbox(visible=False, label="Link")
    return parts


def _picture(label: str, buttons: list[Any]) -> gr.Image:
    return gr.Image(
        format="png", type="filepath", label=label, interactive=False, visible=False, height=320, buttons=buttons
    )


def _gallery(label: str, name: str) -> gr.Gallery:
    return gr.Gallery(
        format="png",
        label=label,
        columns=4,
        height="auto",
        object_fit="contain",
        interactive=False,
        visible=False,
        buttons=["fullscreen"],
        elem_id=name,
        elem_classes="films",
    )


def forget(closer: SimpleNamespace, changes: list[Any]) -> None:
    """Let what is shown of a file go with it: `changes` bring another file, or another picture."""
    shown = [closer.frames, closer.row, closer.row_of_all, closer.screen, closer.map, closer.file]
    empty = [gr.update(visible=False) if each is closer.row else gr.update(value=None, visible=False) for each in shown]
    gr.on(changes, lambda: (*empty, "", ""), None, [*shown, closer.clock, closer.legend], **AT_ONCE)


def wire(closer: SimpleNamespace, looks: Looks, session: gr.State, used: gr.Slider) -> Any:
    """Connect the section with the studio's session; gives the event that computes, for others to cancel."""
    quiet: dict[str, Any] = {"show_progress": "hidden"}
    closer.strip.click(looks.film, session, [closer.frames, closer.row], api_name="film", **quiet)
    playing = closer.play.click(
        looks.play,
        [session, closer.line],
        [closer.clock, closer.screen],
        concurrency_id="play",
        concurrency_limit=8,
        **SILENT,
    )
    closer.halt.click(None, cancels=[playing], api_visibility="private")
    bits = [closer.map, closer.legend]
    closer.bits.click(looks.bits, [session, used], bits, api_name="bits_map", **LOW_PRIORITY, **quiet)
    closer.card.click(looks.card, session, closer.file, api_name="result_card", **quiet)
    return closer.all.click(
        looks.decoders, [session, used], closer.row_of_all, api_name="all_decoders", show_progress="minimal", **DEVICE
    )
