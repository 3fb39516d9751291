"""What the studio does with pictures: take one, compress it, stop. From component values to a `Screen`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.engine.plots import Metric
from diffdemo.images import MOST_PIXELS, Pixels, fit_pixels, load_picture, to_png
from diffdemo.ui import present
from diffdemo.ui.codecs import DEFAULT_CODEC, OFFERS, encoding_controls
from diffdemo.ui.errors import friendly
from diffdemo.ui.screen import BUSY, Painter, Screen, served, stem_of
from diffdemo.ui.session import Session, Side
from diffdemo.ui.turns import Turn, Turns


class Handlers:
    """The studio's events up to the compressed file, with the engine that they work on."""

    def __init__(self, engine: Engine, painter: Painter, turns: Turns) -> None:
        self._engine = engine
        self._painter = painter
        self._turns = turns
        self._example_files: dict[str, bytes] = {}

    @friendly
    def greet(self, request: gr.Request | None = None) -> Screen:
        """Show the first example before anything has been computed."""
        return self._example(0, self._turns.take(request))

    @friendly
    def choose_example(self, picked: gr.SelectData, request: gr.Request | None = None) -> Screen:
        """Take one of the pictures that come along."""
        return self._example(picked.index, self._turns.take(request))

    @friendly
    def open_example(self, session: Session, metric: Metric, request: gr.Request | None = None) -> Iterator[Screen]:
        """Decode the file that belongs to the example in the session; the first visitor without one waits for it.

        Args:
            session: who asks.
            metric: what the plot shows, "psnr_db" or "ms_ssim".
        """
        turn = Turn.of(request, session.turn)
        if not session.original or self._turns.is_over(turn):
            yield Screen()
            return
        data = self._example_files.get(session.name) or self._engine.example_file(session.name)
        pixels = load_picture(session.original).pixels
        if data is None:
            work = self._remembered(
                session.name, self._compress(session, pixels, metric, bpp=OFFERS[DEFAULT_CODEC].bpp)
            )
        else:
            work = self._decompress(session, pixels, data, metric)
        yield from self._turns.while_mine(turn, self._or_settle(work, session, metric), Screen())

    @friendly
    def upload(self, picture_file: dict[str, Any] | None, request: gr.Request | None = None) -> Screen:
        """Take a visitor's picture: read it, tell what was changed, offer a smaller size if it is large.

        Args:
            picture_file: the file as Gradio received it, in any format that Pillow reads. It comes without Gradio's
                own preprocessing, which would turn and convert the picture before anybody could say so.
        """
        path = _path_of(picture_file)
        picture = load_picture(path)
        turn = self._turns.take(request)
        pixels = fit_pixels(picture.pixels, MOST_PIXELS)
        notes = list(picture.notes)
        if pixels is not picture.pixels:
            notes.append(f"Made smaller from {picture.width} x {picture.height}: {MOST_PIXELS:,} pixels are the most.")
        height, width = pixels.shape[:2]
        png = to_png(pixels)
        session = Session(name=stem_of(path), source=png)
        screen = self._waiting(session, png, "Ready. Press Compress.")._replace(
            source=gr.skip(),
            notes=present.picture_notes(width, height, notes),
            side=self._offer_sizes(width, height),
        )
        return self._unless_over(turn, screen)

    @friendly
    def choose_size(self, session: Session, side: int, codec: str = DEFAULT_CODEC) -> Screen:
        """Say what a working size costs on this machine.

        Args:
            session: who asks.
            side: longest side to work at, 0 for the picture as it is.
            codec: "diffc" or "cdc".
        """
        picture = load_picture(session.source)
        return Screen(side=gr.update(info=self._size_reason(picture.width, picture.height, side, codec)))

    @friendly
    def encode(
        self,
        session: Session,
        side: int | None,
        bpp: float,
        num_bytes: int | None,
        preset: str,
        seed: int,
        metric: Metric,
        codec: str = DEFAULT_CODEC,
        request: gr.Request | None = None,
    ) -> Iterator[Screen]:
        """Compress the picture of the session; every screen holds a valid file.

        Args:
            session: who asks.
            side: longest side to work at; empty or 0 for the picture as it is.
            bpp: bits per pixel to spend.
            num_bytes: exact size instead; empty or 0 to use `bpp`.
            preset: for DiffC, "fast", "balanced" or "best".
            seed: for DiffC, of the randomness that encoder and decoder share.
            metric: what the plot shows, "psnr_db" or "ms_ssim".
            codec: "diffc" or "cdc".
        """
        if not session.source:
            raise gr.Error("There is no picture yet. Upload one or pick an example.", print_exception=False)
        pixels = to_side(load_picture(session.source).pixels, side or 0)
        original = to_png(pixels)
        own = session.own if codec != "diffc" and session.original == original else ()
        left = Side(present.ORIGINAL, original)
        turn = self._turns.take(request)
        fresh = Session(
            session.name, session.source, original, codec=session.codec, own=own, left=left, turn=turn.number
        )
        target: dict[str, Any] = {"num_bytes": int(num_bytes)} if num_bytes else {"bpp": float(bpp)}
        work = self._compress(fresh, pixels, metric, codec=codec, preset=preset, seed=int(seed or 0), **target)
        yield from self._turns.while_mine(turn, self._or_settle(work, session, metric), Screen())

    @friendly
    def choose_codec(self, codec: str) -> tuple[dict, dict, dict, dict]:
        """Show what can be chosen for compressing with a codec."""
        return encoding_controls(codec)

    @friendly
    def stop(self, session: Session, metric: Metric, request: gr.Request | None = None) -> Screen:
        """Keep what is there: every state of an encode is a whole file.

        Args:
            session: who asks.
            metric: what the plot shows.
        """
        self._turns.take(request)
        return self._settled(session, metric, present.stopped(session.shown))

    def _compress(self, session: Session, pixels: Pixels, metric: Metric, **options: Any) -> Iterator[Screen]:
        self._painter.rivals.start(session.original, pixels)
        started = time.monotonic()
        for moment in self._engine.encode(pixels, **options):
            session = replace(session.grown(moment.frame), data=moment.data)
            line = present.progress(moment.frame, "Compressing")
            screen = self._painter.paint(session, metric, status=line, **BUSY)
            session = screen.session
            yield screen
        yield self._settled(session, metric, f"Compressed in {present.duration(time.monotonic() - started)}.")

    def _decompress(self, session: Session, pixels: Pixels, data: bytes, metric: Metric) -> Iterator[Screen]:
        self._painter.rivals.start(session.original, pixels)
        session = replace(session, data=data)
        for frame in self._engine.decode(data, reference=pixels):
            session = session.grown(frame)
            line = present.progress(frame, "Decoding")
            screen = self._painter.paint(session, metric, status=line, **BUSY)
            session = screen.session
            yield screen
        yield self._settled(session, metric, "An example, already compressed. Move the slider below.")

    def _remembered(self, name: str, work: Iterator[Screen]) -> Iterator[Screen]:
        """The same screens; the file that they end with is kept for the next visitor."""
        for screen in work:
            yield screen
        self._example_files[name] = screen.session.data

    def _or_settle(self, work: Iterator[Screen], before: Session, metric: Metric) -> Iterator[Screen]:
        """The same screens; before a failure is told, what was there comes back, with its controls.

        Gradio's own `failure` event does not serve: it also follows when somebody presses Stop.
        """
        try:
            yield from work
        except Exception:
            yield self._settled(before, metric, "That did not work. What was there before still is.")
            raise

    def _settled(self, session: Session, metric: Metric, text: str) -> Screen:
        if not session.data:
            return Screen(status=present.status("No file yet."), stop=gr.update(interactive=False))
        return self._painter.settled(session, metric, text)

    def _example(self, index: int, turn: Turn) -> Screen:
        example = self._engine.examples()[index]
        pixels = self._engine.example_pixels(example.name)
        png = to_png(pixels)
        session = Session(example.name, source=png, original=png, left=Side(present.ORIGINAL, png), turn=turn.number)
        height, width = pixels.shape[:2]
        notes = present.picture_notes(width, height, [f"{example.label}: {example.credit}."])
        screen = self._waiting(session, png, "Opening the example …")._replace(notes=notes, argument=present.OPENING)
        return self._unless_over(turn, screen)

    def _unless_over(self, turn: Turn, screen: Screen) -> Screen:
        """The screen, or nothing if somebody has gone on to something else while it was made."""
        return Screen() if self._turns.is_over(turn) else screen

    def _waiting(self, session: Session, png: bytes, text: str) -> Screen:
        """A picture without a file yet: both halves show it, and nothing of the picture before is left."""
        path = served(png, "picture.png")
        off = gr.update(interactive=False)
        return Screen(
            session=session,
            source=path,
            notes="",
            side=gr.update(visible=False, value=0),
            stage=(path, path),
            captions=present.caption_row(present.ORIGINAL, present.ORIGINAL),
            argument=present.NOTHING_YET,
            status=present.status(text),
            plot=self._painter.plot(session, "psnr_db"),
            strip="",
            used=off,
            download=off,
            stop=off,
            steps_plot=gr.update(visible=False),
            samples=gr.update(value=None, visible=False),
            imagine=off,
        )

    def _offer_sizes(self, width: int, height: int) -> dict:
        if width * height <= present.LARGE_PIXELS or not self._engine.device_label.startswith("CPU"):
            return gr.update(visible=False, value=0)
        choices = present.size_choices(width, height)
        side = choices[0][1]
        return gr.update(visible=True, choices=choices, value=side, info=self._size_reason(width, height, side))

    def _size_reason(self, width: int, height: int, side: int, codec: str = DEFAULT_CODEC) -> str:
        work = width * height * (1 if side == 0 else (side / max(width, height)) ** 2)
        seconds = self._engine.estimate_seconds(round(work), codec=codec)
        return present.size_reason(width * height / work, self._engine.device_label, seconds)


def _path_of(picture_file: dict[str, Any] | None) -> str:
    if not picture_file or not picture_file.get("path"):
        raise gr.Error("No picture arrived. Please choose a file.", print_exception=False)
    return picture_file["path"]


def to_side(pixels: Pixels, side: int) -> Pixels:
    """The picture with its longest side shortened to `side`; 0 keeps it."""
    height, width = pixels.shape[:2]
    if not 0 < side < max(width, height):
        return pixels
    return fit_pixels(pixels, round(width * height * (side / max(width, height)) ** 2))
