"""What is asked of a file that is there: its film, its download in time, all decoders, its bits, a card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from diffdemo.engine import DECODERS, BitsMap, CodecInfo, Decoder
from diffdemo.images import to_png
from diffdemo.metrics.registry import METRICS
from diffdemo.pictures import load_picture
from diffdemo.ui import words
from diffdemo.ui.closer import filmstrip
from diffdemo.ui.closer.result_card import result_card
from diffdemo.ui.compare import sides
from diffdemo.ui.errors import refusal
from diffdemo.ui.events import Events, visitor
from diffdemo.ui.memory.session import Session
from diffdemo.ui.server.files import served

VALUES: dict[str, tuple[float, ...]] = {"realism": (0.5, 1.0), "gamma": (0.4, 0.8, 1.2)}
"""Knobs that are shown at several values beside each other."""
NO_FILE = "There is no file yet. Compress a picture first."
NOT_EMBEDDED = "A part of a {} file is no picture: it arrives all at once. Choose {} to watch one arrive."
NO_MAP = "For a {} file this needs the original, which is not here. Compress the picture on this page."


class Looks(Events):
    """The events of the section, on one engine."""

    def film(self, session: Session) -> tuple[dict, dict]:
        """Show the picture at several sizes of its file, coarse to fine."""
        self._require_embedded(session)
        frames = filmstrip.film(self._engine, session.data)
        files = (served(to_png(frame.pixels), f"{session.name}-{frame.num_bytes}.png") for frame in frames)
        pictures = [*zip(files, map(sides.numbers, frames), strict=True)]
        return gr.update(value=pictures, visible=True), gr.update(visible=True)

    def decoders(self, session: Session, used: int, request: gr.Request | None = None) -> Iterator[dict]:
        """Decode the same bytes with every decoder of their codec, one beside the other."""
        codec = self._codec(session)
        original = load_picture(session.original).pixels if session.original else None
        part = int(used) if codec.is_embedded and used else None
        pictures: list[tuple[str, str]] = []
        for caption, options in every_way(codec.decoders):
            options |= {"reference": original, "asker": visitor(request)}
            frames = self._engine.decode(session.data, num_bytes=part, **options)
            for _ in frames.places():
                yield gr.skip()
            for latest in frames:
                frame = latest
                yield gr.skip()  # Where somebody has left, nothing more is computed.
            quality = "" if frame.psnr_db is None else f" · {frame.psnr_db:.2f} dB"
            path = served(to_png(frame.pixels), f"{session.name}-{len(pictures)}.png")
            pictures = [*pictures, (path, f"{caption}{quality}")]
            yield gr.update(value=pictures, visible=True)

    def play(self, session: Session, line: str) -> Iterator[tuple[str, Any]]:
        """Let the file arrive as slowly as over a line of that kind."""
        self._require_embedded(session)
        before = None
        for arrived in filmstrip.arriving(self._engine, session.data, filmstrip.LINES[line][1]):
            picture: Any = gr.skip()
            if arrived.frame is not None and arrived.frame is not before:
                before = arrived.frame
                picture = gr.update(value=served(to_png(before.pixels), "arriving.png"), visible=True)
            yield filmstrip.clock(arrived, line), picture

    def bits(self, session: Session, used: int) -> tuple[dict, str]:
        """Show where in the picture the bits of the file went: light where there are many."""
        codec = self._codec(session)
        found = self._engine.bits_map(session.data, num_bytes=int(used) if codec.is_embedded and used else None)
        if found is None:
            raise refusal(NO_MAP.format(codec.label))
        return gr.update(value=served(to_png(found.pixels), "bits.png"), visible=True), legend(found)

    def card(self, session: Session) -> dict:
        """Compose original, reconstruction and numbers as one picture to pass on."""
        codec, shown = self._codec(session), session.shown
        if shown is None or not session.original:
            raise refusal("A card needs the original beside the result. Compress a picture here.")
        original, picture = load_picture(session.original).pixels, load_picture(shown.png).pixels
        caption = words.decoded_caption(shown, codec.label)
        values = ((metric, shown.values.get(name)) for name, metric in METRICS.items())
        numbers = [f"{metric.number(value)} {metric.label}" for metric, value in values if value is not None]
        lines = [
            f"{codec.label} · {session.model} · {words.size(shown.num_bytes)} · {shown.bpp:.3f} bits per pixel",
            ", ".join(numbers),
            "Bytes of the file, header included. Made with diffdemo: lossy image compression with diffusion models.",
        ]
        png = to_png(result_card(original, picture, words.ORIGINAL, caption, lines))
        return gr.update(value=served(png, f"{session.name}-card.png"), visible=True)

    def _codec(self, session: Session) -> CodecInfo:
        """The codec that wrote the session's file."""
        if not session.data:
            raise refusal(NO_FILE)
        name = self._engine.describe(session.data).codec
        return next(codec for codec in self._engine.codecs() if codec.name == name)

    def _require_embedded(self, session: Session) -> None:
        codec = self._codec(session)
        if not codec.is_embedded:
            embedded = " or ".join(each.label for each in self._engine.codecs() if each.is_embedded)
            raise refusal(NOT_EMBEDDED.format(codec.label, embedded))


def every_way(decoders: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What can be made of a file: words, and arguments for `Engine.decode`."""
    for decoder in decoders:
        way = DECODERS[Decoder(decoder)]
        varied = [(knob, value) for knob in way.knobs for value in VALUES.get(knob, ())]
        for knob, value in varied:
            yield f"{way.short}, {knob} {value:g}", {"decoder": decoder, knob: value}
        if not varied:
            yield way.short, {"decoder": decoder}


def legend(found: BitsMap) -> str:
    """What the colours of a map mean."""
    cell = "each pixel" if found.cell == 1 else f"each {found.cell}x{found.cell} pixels"
    return (
        f'<p class="legend">Told apart: {cell}. Dark is nothing, light is {found.lightest:.2g} bits per pixel and '
        f"more; half of the picture has less than {found.median:.2g}. {found.num_bits / 8:,.0f} bytes in all, without "
        "the header.</p>"
    )
