"""The section for a closer look at a file: its components, and the events between them and `Looks`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.ui.closer import filmstrip, hanging, wall
from diffdemo.ui.closer.acts import Looks
from diffdemo.ui.closer.wall import EMPTY
from diffdemo.ui.events import AT_ONCE, DEVICE, KEEP, LOW_PRIORITY, SILENT
from diffdemo.ui.fields import inline_choice
from diffdemo.ui.memory.session import SESSION_SECONDS

DEFAULT_LINE = "3g"
_ADDRESS = "(session) => [session, location.origin + location.pathname]"
_BUTTONS = (
    ("strip", "Film strip", 120),
    ("hang", "Wall", 120),
    ("bits", "Where the bits went", 150),
    ("card", "Result card", 120),
    ("link", "Copy link", 120),
)
"""Name, words, and least width in pixels."""


def build(engine: Engine) -> SimpleNamespace:
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
        with gr.Accordion("What hangs on the wall", open=False, elem_id="wall-choice"):
            parts.wanted = gr.CheckboxGroup(
                [*hanging.ways(engine)],
                value=hanging.usual(engine),
                label="Pictures",
                info="Every codec and decoder, with as many bytes as the slider spends.",
                elem_id="wall-wanted",
                elem_classes="choice",
            )
        parts.hung = gr.State(EMPTY, time_to_live=SESSION_SECONDS)
        parts.wall = wall.build()
        parts.clock = gr.HTML(elem_id="clock")
        parts.screen = _picture("Arriving", [])
        parts.map = _picture("Bits per pixel", ["fullscreen"])
        parts.legend = gr.HTML(elem_id="bits-legend")
        parts.result = _picture("Result card", ["download", "fullscreen"], elem_id="result-card")
        parts.address = gr.Textbox(visible=False, label="Address", max_length=300)
        parts.query = gr.Textbox(visible=False, label="Link")
    return parts


def _picture(label: str, buttons: list[Any], **more: Any) -> gr.Image:
    fixed: dict[str, Any] = {"format": "png", "type": "filepath", "interactive": False, "visible": False, "height": 320}
    return gr.Image(label=label, buttons=buttons, **fixed, **more)


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


def wire(closer: SimpleNamespace, looks: Looks, studio: Any) -> None:
    """Connect the section with the studio; what is shown of a file goes with it."""
    session, used = studio.session, studio.used
    quiet: dict[str, Any] = {"show_progress": "hidden"}
    film = closer.strip.click(looks.film, session, [closer.frames, closer.row], api_name="film", **quiet)
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
    mapped = closer.bits.click(looks.bits, [session, used], bits, api_name="bits_map", **LOW_PRIORITY, **quiet)
    told = [session, closer.address]
    card = closer.card.click(looks.card, told, closer.result, js=_ADDRESS, api_name="result_card", **quiet)
    hung = [closer.wall, closer.hung]
    closer.hang.click(looks.wall, [session, used, closer.wanted], hung, api_name="wall", **quiet, **DEVICE)
    closer.wall.halt(looks.halt, closer.hung, hung, **AT_ONCE)
    kept = closer.wall.save(looks.save, closer.hung, studio.saved, **SILENT)
    kept.success(None, studio.saved, None, js=KEEP, api_visibility="private")
    for event in (film, playing, mapped, card):
        studio.about.change(None, cancels=[event], api_visibility="private")
    shown = [closer.frames, closer.row, closer.screen, closer.map, closer.result]
    empty = [gr.update(visible=False) if each is closer.row else gr.update(value=None, visible=False) for each in shown]
    shown += [*hung, closer.clock, closer.legend]

    def forget(request: gr.Request) -> tuple[Any, ...]:
        looks.forget(request)
        return (*empty, EMPTY.on_page(), EMPTY, "", "")

    studio.about.change(forget, None, shown, **AT_ONCE)
