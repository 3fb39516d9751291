"""How a picture comes to the page: an example at first, then whatever a visitor picks or uploads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.engine.examples import ExampleResult
from diffdemo.errors import DiffDemoError
from diffdemo.images import MAX_PIXELS, Pixels, to_png
from diffdemo.metrics.registry import BASE
from diffdemo.pictures import load_picture
from diffdemo.ui import words
from diffdemo.ui.compare import comparer, previews, sides
from diffdemo.ui.errors import refusal
from diffdemo.ui.likeness import likeness
from diffdemo.ui.links.permalink import Place, place_of
from diffdemo.ui.links.shelf import Shelf
from diffdemo.ui.memory import history, kept
from diffdemo.ui.memory.png import pixels_of, size_of
from diffdemo.ui.memory.session import NOTHING, Session, Shown, Side
from diffdemo.ui.server.uploads import read_upload, require_upload
from diffdemo.ui.studio.screen import Painter, Screen, StudioEvents, served, stem_of
from diffdemo.ui.turns import Turn, Turns

SHOWN_BY_BROWSERS = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".bmp"}
"""Names of files that stay in the field for uploads as they came; for others it shows what was read of them."""

_REMEMBERED = 16
"""JPEG files of examples, each with its picture."""
JPEG = "jpeg"
"""What an example is compared with at first."""
LINK_GONE = "What this link leads to was kept here for a day, and is gone. Ask for the .difd file itself."
ORIGINAL_GONE = "The original behind this link was kept here for a day, and is gone; the file is in the link."
_NOTHING_TRIED: Mapping[str, Any] = {}
_BROUGHT = ("source", "notes", "original", "fit", "example", "data", "notice")


class Pictures(StudioEvents):
    """The studio's events up to the compression, with the engine that they work on.

    Args:
        shelf: what links lead to.
    """

    def __init__(self, engine: Engine, painter: Painter, turns: Turns, shelf: Shelf) -> None:
        super().__init__(engine, painter, turns)
        self._shelf = shelf

    def greet(
        self,
        picture: str | None = None,
        original: str | None = None,
        file: str | None = None,
        query: str | None = None,
        tried: str | None = None,
        request: gr.Request | None = None,
    ) -> Screen:
        """Show what a link leads to or what a tab remembers of itself, or else an example.

        Args:
            picture: as it was uploaded.
            original: what `file` was made from, where that is not the picture itself.
            file: the compressed file.
            query: what is chosen, and what a link leads to; see `links.permalink`.
            tried: decodes and encodes of the picture besides the present one; see `memory.history`.
        """
        turn, place = self._turns.take(request), place_of(query, self._painter.codecs)
        first, asked = self._painter.first_codec.name, place if place.is_about_file else None
        before = Session(codec=first, wish=place.decoder, asked=asked, goal=place.goal, turn=turn.number)
        try:
            brought = self._brought(picture, original, file, place)
        except (gr.Error, DiffDemoError) as error:
            brought = Session(notice=getattr(error, "message", str(error)))
        given = {name: getattr(brought, name) for name in ("name", *_BROUGHT) if getattr(brought, name)}
        known = history.fields_of(tried, {codec.name: codec.label for codec in self._painter.codecs.values()})
        session = replace(before, **given, **known)
        if session.data:
            source = served(session.source, "picture.png") if session.source else None
            return Screen(session=session, source=source, status=words.status("Opening the file …"))
        if session.source:
            screen = self._waiting(session, session.source, "Ready. Press Compress.", BASE)
            return screen._replace(side=self._offer_sizes(*size_of(session.source), place.side))
        names = [example.name for example in self._engine.examples()]
        return self._example(names.index(place.example) if place.example in names else 0, turn, session, known=known)

    def is_known(self, session: Session) -> Any:
        """Tell a page whose session this server does not have any more; it is loaded again then."""
        return kept.GONE if session == NOTHING else gr.skip()

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
        png, notes = _read(path)
        turn = self._turns.take(request)
        alone = None if before.original else self._painter.described(before)
        if alone and (alone.width, alone.height) == size_of(png):
            # What a file that came alone was made from: it is opened once more, see `Sharing.linked`.
            both = replace(before, source=png, notes=notes, original=png, asked=Place(), turn=turn.number)
            return self._unless_over(turn, Screen(session=both, status=words.status("Comparing …")))
        session = before.anew(name=stem_of(path), source=png, notes=notes, turn=turn.number)
        screen = self._waiting(session, png, "Ready. Press Compress.", metric)
        screen = screen._replace(side=self._offer_sizes(*size_of(png)))
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

    def _brought(self, picture: str | None, original: str | None, file: str | None, place: Place) -> Session:
        """What a link or a tab brings, as far as it makes sense together; nothing for an example with its own file."""
        kept_here = self._shelf.get(place.kept) if place.kept else None
        if kept_here:
            return kept_here
        if place.kept and not place.file:
            raise refusal(LINK_GONE)
        data = read_upload(file) if file else place.file
        source, notes = _read(require_upload(picture)) if picture else (b"", "")
        names, own = [example.name for example in self._engine.examples()], not picture and place.example
        if own in names:
            pixels, credit = self._of_example(names.index(own))
            source, notes = to_png(pixels), credit
            if data in (b"", self._engine.example_file(own)):
                return Session()
        made_from = _read(require_upload(original))[0] if original else source
        if data:
            info = self._engine.describe(data)
            made_from = made_from if made_from and size_of(made_from) == (info.width, info.height) else b""
        return Session(
            name=stem_of(place.name) if place.name else "picture",
            source=source or made_from,
            notes=notes,
            original=made_from if data else b"",
            example=own if own in names else "",
            data=data,
            notice=ORIGINAL_GONE if place.kept else "",
        )

    def _of_example(self, index: int) -> tuple[Pixels, str]:
        """Its picture and the notes on it."""
        example = self._engine.examples()[index]
        pixels = self._engine.example_pixels(example.name)
        height, width = pixels.shape[:2]
        return pixels, words.picture_notes(width, height, [f"{example.label}: {example.credit}."])

    def _example(
        self, index: int, turn: Turn, before: Session, metric: str = BASE, known: Mapping[str, Any] = _NOTHING_TRIED
    ) -> Screen:
        name, (pixels, notes) = self._engine.examples()[index].name, self._of_example(index)
        png = to_png(pixels)
        session = before.anew(name=name, example=name, source=png, original=png, notes=notes, turn=turn.number)
        session = replace(session, left=sides.of_original(png), notice=before.notice, **known)
        result = self._engine.example_result(name)
        if result is None:
            screen = self._waiting(session, png, "Opening the example …", metric)._replace(argument=words.OPENING)
        else:
            screen = self._finished(session, png, result, metric)
        if before.asked:
            data = self._engine.example_file(name) or b""
            screen = screen._replace(session=replace(screen.session, asked=before.asked, data=data))
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
            subject=session.subject,
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
            go_on=gr.update(visible=False),
            beside=gr.update(visible=False),
            kept=kept.kept(session),
        )

    def _offer_sizes(self, width: int, height: int, wanted: int | None = None) -> dict:
        if width * height <= words.LARGE_PIXELS or not self._engine.device_label.startswith("CPU"):
            return gr.update(visible=False, value=0)
        choices = words.size_choices(width, height)
        side = next((side for _, side in choices if side == wanted), choices[0][1])
        return gr.update(visible=True, choices=choices, value=side, info=self._size_reason(width, height, side))

    def _size_reason(self, width: int, height: int, side: int, codec: str = "") -> str:
        work = width * height * (1 if side == 0 else (side / max(width, height)) ** 2)
        seconds = self._engine.estimate_seconds(round(work), codec=codec or self._painter.first_codec.name)
        return words.size_reason(width * height / work, self._engine.device_label, seconds)


def _read(path: str) -> tuple[bytes, str]:
    """An uploaded picture as PNG, and the notes on it."""
    picture = load_picture(path, most_pixels=MAX_PIXELS)
    notes = list(picture.notes)
    if picture.is_reduced:
        notes.append(f"Made smaller from {picture.width} x {picture.height}: {MAX_PIXELS:,} pixels are the most.")
    height, width = picture.pixels.shape[:2]
    return to_png(picture.pixels), words.picture_notes(width, height, notes)


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
