"""A closer look at a file: how its picture arrives, where its bits went, and both as something to pass on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from diffdemo.engine import BitsMap, Engine
from diffdemo.engine.result_card import result_card
from diffdemo.images import load_picture, to_png
from diffdemo.ui import filmstrip, present
from diffdemo.ui.errors import friendly
from diffdemo.ui.screen import served
from diffdemo.ui.session import Session

DEFAULT_LINE = "3g"
NO_FILE = "There is no file yet. Compress a picture first."
NOT_EMBEDDED = "A part of a CDC file is no picture: it arrives all at once. Choose DiffC to watch one arrive."
NO_MAP = "For a DiffC file this needs the original, which is not here. Compress the picture on this page."


@dataclass(frozen=True, slots=True)
class Closer:
    """The components of the section."""

    strip: gr.Button
    bits: gr.Button
    card: gr.Button
    link: gr.Button
    frames: gr.Gallery
    row: gr.Row
    line: gr.Radio
    play: gr.Button
    halt: gr.Button
    clock: gr.HTML
    screen: gr.Image
    map: gr.Image
    legend: gr.HTML
    file: gr.File
    query: gr.Textbox


def build() -> Closer:
    """Lay out the section; call it inside the studio's tab."""
    with gr.Column(elem_id="closer"):
        gr.HTML("<b>Look closer</b><p>How the picture arrives, where its bits went, and both to pass on.</p>")
        with gr.Row(elem_id="closer-buttons"):
            strip = gr.Button("Film strip", size="md", min_width=120, elem_id="closer-strip")
            bits = gr.Button("Where the bits went", size="md", min_width=150, elem_id="closer-bits")
            card = gr.Button("Result card", size="md", min_width=120, elem_id="closer-card")
            link = gr.Button("Copy link", size="md", min_width=120, elem_id="closer-link")
        frames = gr.Gallery(
            format="png",
            label="The picture as its bits arrive",
            columns=4,
            height="auto",
            object_fit="contain",
            interactive=False,
            visible=False,
            buttons=["fullscreen"],
            elem_id="film",
        )
        with gr.Row(visible=False, elem_id="play-row") as row:
            line = gr.Radio(
                [(label, key) for key, (label, _) in filmstrip.LINES.items()],
                value=DEFAULT_LINE,
                label="Play the download over a",
                info="In real time.",
                elem_id="line",
                elem_classes="choice inline",
            )
            play = gr.Button("Play", size="md", scale=0, min_width=90, elem_id="play")
            halt = gr.Button("Halt", size="md", scale=0, min_width=90, elem_id="halt")
        clock = gr.HTML(elem_id="clock")
        screen = gr.Image(
            format="png", type="filepath", label="Arriving", interactive=False, visible=False, height=320, buttons=[]
        )
        map_ = gr.Image(
            format="png",
            type="filepath",
            label="Bits per pixel",
            interactive=False,
            visible=False,
            height=320,
            buttons=["fullscreen"],
        )
        legend = gr.HTML(elem_id="bits-legend")
        file = gr.File(label="Result card", interactive=False, visible=False)
        query = gr.Textbox(visible=False, label="Link")
    return Closer(strip, bits, card, link, frames, row, line, play, halt, clock, screen, map_, legend, file, query)


def wire(closer: Closer, looks: Looks, session: gr.State, used: gr.Slider, low_priority: dict[str, Any]) -> None:
    """Connect the section with the studio's session.

    Args:
        closer: its components.
        looks: the handlers.
        session, used: of the studio.
        low_priority: options of an event that must not make anybody wait for the device.
    """
    quiet: dict[str, Any] = {"show_progress": "hidden"}
    closer.strip.click(looks.film, session, [closer.frames, closer.row], api_name="film", **quiet)
    playing = closer.play.click(
        looks.play,
        [session, closer.line],
        [closer.clock, closer.screen],
        concurrency_id="play",
        concurrency_limit=8,
        api_visibility="private",
        **quiet,
    )
    closer.halt.click(None, cancels=[playing], api_visibility="private")
    closer.bits.click(
        looks.bits, [session, used], [closer.map, closer.legend], api_name="bits_map", **low_priority, **quiet
    )
    closer.card.click(looks.card, session, closer.file, api_name="result_card", **quiet)


class Looks:
    """The events of the section, on one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @friendly
    def film(self, session: Session) -> tuple[dict, dict]:
        """Show the picture at several sizes of its file, coarse to fine.

        Args:
            session: who asks.
        """
        self._require_embedded(session)
        pictures = filmstrip.captioned(filmstrip.film(self._engine, session.data), session.name)
        return gr.update(value=pictures, visible=True), gr.update(visible=True)

    @friendly
    def play(self, session: Session, line: str) -> Iterator[tuple[str, Any]]:
        """Let the file arrive as slowly as over a line of that kind.

        Args:
            session: who asks.
            line: "56k", "3g" or "lora".
        """
        self._require_embedded(session)
        before = None
        for moment in filmstrip.arriving(self._engine, session.data, filmstrip.LINES[line][1]):
            picture: Any = gr.skip()
            if moment.frame is not None and moment.frame is not before:
                before = moment.frame
                picture = gr.update(value=served(to_png(before.pixels), "arriving.png"), visible=True)
            yield filmstrip.clock(moment, line), picture

    @friendly
    def bits(self, session: Session, used: int) -> tuple[dict, str]:
        """Show where in the picture the bits of the file went: light where there are many.

        Args:
            session: who asks.
            used: bytes of a DiffC file to count, from its start.
        """
        self._require_file(session)
        embedded = self._engine.describe(session.data).is_embedded
        found = self._engine.bits_map(session.data, num_bytes=int(used) if embedded and used else None)
        if found is None:
            raise gr.Error(NO_MAP, print_exception=False)
        return gr.update(value=served(to_png(found.pixels), "bits.png"), visible=True), legend(found)

    @friendly
    def card(self, session: Session) -> dict:
        """Compose original, reconstruction and numbers as one picture to pass on.

        Args:
            session: who asks.
        """
        self._require_file(session)
        shown = session.shown
        if shown is None or not session.original:
            raise gr.Error(
                "A card needs the original beside the result. Compress a picture here.", print_exception=False
            )
        original, picture = load_picture(session.original).pixels, load_picture(shown.png).pixels
        caption = present.decoded_caption(shown)
        codec = {"diffc": "DiffC", "cdc": "CDC"}[session.codec or "diffc"]
        numbers = [f"{shown.psnr_db:.2f} dB PSNR" if shown.psnr_db is not None else ""]
        numbers.append(f"{shown.ms_ssim:.4f} MS-SSIM" if shown.ms_ssim is not None else "")
        lines = [
            f"{codec} · {session.model} · {present.size(shown.num_bytes)} · {shown.bpp:.3f} bits per pixel",
            ", ".join(number for number in numbers if number),
            "Bytes of the file, header included. Made with diffdemo: lossy image compression with diffusion models.",
        ]
        png = to_png(result_card(original, picture, present.ORIGINAL, caption, lines))
        return gr.update(value=served(png, f"{session.name}-card.png"), visible=True)

    def _require_file(self, session: Session) -> None:
        if not session.data:
            raise gr.Error(NO_FILE, print_exception=False)

    def _require_embedded(self, session: Session) -> None:
        self._require_file(session)
        if not self._engine.describe(session.data).is_embedded:
            raise gr.Error(NOT_EMBEDDED, print_exception=False)


def legend(found: BitsMap) -> str:
    """What the colours of a map mean."""
    cell = "each pixel" if found.cell == 1 else f"each {found.cell}x{found.cell} pixels"
    return (
        f'<p class="legend">Told apart: {cell}. Dark is nothing, light is {found.lightest:.2g} bits per pixel and '
        f"more; half of the picture has less than {found.median:.2g}. {found.num_bits / 8:,.0f} bytes in all, without "
        "the header.</p>"
    )
