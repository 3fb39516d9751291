"""How a picture comes to the page: an example at first, then whatever a visitor picks or uploads."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.engine.examples import ExampleResult
from diffdemo.images import MAX_PIXELS, to_png
from diffdemo.metrics.registry import BASE
from diffdemo.pictures import load_picture
from diffdemo.ui import words
from diffdemo.ui.compare import comparer, previews, sides
from diffdemo.ui.errors import refusal
from diffdemo.ui.likeness import likeness
from diffdemo.ui.links.permalink import place_of
from diffdemo.ui.memory.png import pixels_of, size_of
from diffdemo.ui.memory.session import NOTHING, Session, Shown, Side
from diffdemo.ui.server.uploads import require_upload
from diffdemo.ui.studio.screen import Screen, StudioEvents, served, stem_of
from diffdemo.ui.turns import Turn

SHOWN_BY_BROWSERS = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".bmp"}
"""Names of files that stay in the field for uploads as they came; for others it shows what was read of them."""

_REMEMBERED = 16
"""JPEG files of examples, each with its picture."""
JPEG = "jpeg"
"""What an example is compared with at first."""


class Pictures(StudioEvents):
    """The studio's events up to the compression, with the engine that they work on."""

    def greet(self, request: gr.Request | None = None) -> Screen:
        """Show an example before anything has been computed: the one that a link names, or the first."""
        turn, place = self._turns.take(request), place_of(request, self._painter.codecs)
        before = Session(codec=self._painter.first_codec.name, wish=place.decoder)
        if place.file:
            waiting = before.anew(turn=turn.number)
            return Screen(session=waiting, status=words.status("Opening the file of this link …"))
        names = [example.name for example in self._engine.examples()]
        return self._example(names.index(place.example) if place.example in names else 0, turn, before)

    def choose_example(
        self,
        picked: gr.EventData,
        metric: str = BASE,
        before: Session = NOTHING,
        request: gr.Request | None = None,
    ) -> Screen:
        """Take one of the pictures that come along."""
        count = len(self._engine.examples())
        index = getattr(picked, "index", None)
        if not isinstance(index, int) or not 0 <= index < count:
            raise refusal(f"There is no such example; there are {count}, counted from 0.")
        return self._example(index, self._turns.take(request), before, metric)

    def upload(
        self,
        picture_file: dict[str, Any] | None,
        metric: str = BASE,
        before: Session = NOTHING,
        request: gr.Request | None = None,
    ) -> Screen:
        """Take a visitor's picture: read it, tell what was changed, offer a smaller size if it is large.

        Args:
            picture_file: the file as Gradio received it, in any format that Pillow reads. It comes without Gradio's
                own preprocessing, which would turn and convert the picture before anybody could say so.
        """
        if not picture_file or not picture_file.get("path"):
            raise refusal("No picture arrived. Please choose a file.")
        path = require_upload(picture_file["path"])
        picture = load_picture(path, most_pixels=MAX_PIXELS)
        turn = self._turns.take(request)
        pixels, notes = picture.pixels, list(picture.notes)
        if picture.is_reduced:
            notes.append(f"Made smaller from {picture.width} x {picture.height}: {MAX_PIXELS:,} pixels are the most.")
        height, width = pixels.shape[:2]
        png = to_png(pixels)
        session = before.anew(
            name=stem_of(path), source=png, notes=words.picture_notes(width, height, notes), turn=turn.number
        )
        screen = self._waiting(session, png, "Ready. Press Compress.", metric)
        screen = screen._replace(side=self._offer_sizes(width, height))
        if Path(path).suffix.lower() in SHOWN_BY_BROWSERS:
            screen = screen._replace(source=gr.skip())  # It stands there already.
        return self._unless_over(turn, screen)

    def keep(self, session: Session) -> str | None:
        """What stands in the field for uploads after one that failed: the picture that is still worked on."""
        return served(session.source, "picture.png") if session.source else None

    def choose_size(self, session: Session, side: int, codec: str = "") -> dict:
        """Say what a longest side (0 for the picture as it is) costs on this machine with a codec ("": the first)."""
        if not session.source:
            return gr.skip()
        return gr.update(info=self._size_reason(*size_of(session.source), side, codec))

    def _example(self, index: int, turn: Turn, before: Session, metric: str = BASE) -> Screen:
        example = self._engine.examples()[index]
        pixels = self._engine.example_pixels(example.name)
        png = to_png(pixels)
        height, width = pixels.shape[:2]
        session = before.anew(
            name=example.name,
            source=png,
            original=png,
            notes=words.picture_notes(width, height, [f"{example.label}: {example.credit}."]),
            left=sides.of_original(png),
            turn=turn.number,
        )
        result = self._engine.example_result(example.name)
        if result is None:
            screen = self._waiting(session, png, "Opening the example …", metric)._replace(argument=words.OPENING)
        else:
            screen = self._finished(session, png, result, metric)
        return self._unless_over(turn, screen)

    def _finished(self, session: Session, png: bytes, result: ExampleResult, metric: str) -> Screen:
        """The beginning of an example's file beside the smallest JPEG, which is larger; nothing is decoded."""
        self._painter.baselines.know(png, result.classical)
        shown = shown_of(result, self._painter.first_codec.decoders[0], png)
        data = self._engine.example_file(session.name) or b""
        session = replace(session, data=data, own=result.curve, shown=shown)
        jpeg = smallest_jpeg(self._engine, png, shown.num_bytes)
        screen = self._painter.at_rest(session, metric, words.EXAMPLE, used=shown.num_bytes, against=(JPEG, jpeg))
        return screen._replace(
            source=served(png, "picture.png"),
            side=gr.update(visible=False, value=0),
            samples=gr.update(value=None, visible=False),
            previews=previews.NONE,
        )

    def _unless_over(self, turn: Turn, screen: Screen) -> Screen:
        """The screen, or nothing if somebody has gone on to something else while it was made."""
        return Screen() if self._turns.is_over(turn) else screen

    def _waiting(self, session: Session, png: bytes, text: str, metric: str) -> Screen:
        """A picture without a file yet: both halves show it, and nothing of the picture before is left."""
        path, half = served(png, "picture.png"), sides.of_original(png)
        off = gr.update(interactive=False)
        return Screen(
            session=session,
            about=session.turn,
            source=path,
            notes=session.notes,
            side=gr.update(visible=False, value=0),
            stage=comparer.pair(half, half, png),
            argument=words.NOTHING_YET,
            status=words.status(text),
            plot=self._painter.plot(session, metric),
            strip="",
            used=gr.update(minimum=0, maximum=1, value=1, interactive=False),
            download=gr.update(value=None, label="Download", interactive=False),
            stop=off,
            steps_plot=gr.update(visible=False),
            samples=gr.update(value=None, visible=False),
            previews=previews.NONE,
            imagine=off,
        )

    def _offer_sizes(self, width: int, height: int) -> dict:
        if width * height <= words.LARGE_PIXELS or not self._engine.device_label.startswith("CPU"):
            return gr.update(visible=False, value=0)
        choices = words.size_choices(width, height)
        side = choices[0][1]
        return gr.update(visible=True, choices=choices, value=side, info=self._size_reason(width, height, side))

    def _size_reason(self, width: int, height: int, side: int, codec: str = "") -> str:
        work = width * height * (1 if side == 0 else (side / max(width, height)) ** 2)
        seconds = self._engine.estimate_seconds(round(work), codec=codec or self._painter.first_codec.name)
        return words.size_reason(width * height / work, self._engine.device_label, seconds)


def shown_of(result: ExampleResult, decoder: str, original: bytes) -> Shown:
    """What the stage shows first of an example (PNG) whose result is known, of the decoder that was used."""
    point, pixels = result.opening.point, result.opening.pixels
    values = {**point.values, **likeness(original, pixels)}
    return Shown(to_png(pixels), point.num_bytes, point.bpp, values, decoder)


@lru_cache(_REMEMBERED)
def smallest_jpeg(engine: Engine, original: bytes, num_bytes: int) -> Side:
    """The half of the stage with the JPEG of an example (PNG) that comes nearest to so many bytes from above.

    It is the same for every visitor, and to measure it takes a good part of a second.
    """
    return sides.of_classical(engine.classical(pixels_of(original), JPEG, num_bytes=num_bytes), num_bytes, original)
