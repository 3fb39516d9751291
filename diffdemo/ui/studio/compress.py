"""What the studio does with a picture: compress it, open the file that an example has already, stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from diffdemo.engine import Engine, ModelInfo
from diffdemo.images import Pixels, fit_pixels, to_png
from diffdemo.pictures import load_picture
from diffdemo.plain_text import duration
from diffdemo.ui import words
from diffdemo.ui.codec_controls import DEFAULT_CODEC, OFFERS, encoding_controls
from diffdemo.ui.compare import sides
from diffdemo.ui.errors import friendly
from diffdemo.ui.memory.session import Session
from diffdemo.ui.models import choice
from diffdemo.ui.studio.screen import BUSY, Painter, Screen
from diffdemo.ui.turns import Turn, Turns

LEAST_BYTES = 64
"""What a file may always have: at the lowest rates of very small pictures not even its header would fit."""


class Handlers:
    """The studio's events from the picture to the compressed file, with the engine that they work on."""

    def __init__(self, engine: Engine, painter: Painter, turns: Turns) -> None:
        self._engine = engine
        self._painter = painter
        self._turns = turns
        self._example_files: dict[str, bytes] = {}

    @friendly
    def open_example(self, session: Session, metric: str, request: gr.Request | None = None) -> Iterator[Screen]:
        """Decode the file that belongs to the example in the session; the first visitor without one waits for it.

        Where its result is known and shown already, nothing changes: from then on the slider moves without waiting.

        Args:
            session: who asks.
            metric: what the plot shows, "psnr_db" or "ms_ssim".
        """
        turn = Turn.of(request, session.turn)
        if not session.original or self._turns.is_over(turn):
            yield Screen()
            return
        data = self._example_files.get(session.name) or self._engine.example_file(session.name)
        if data is not None and session.data:
            rehearsal = self._engine.rehearse(data, reference=load_picture(session.original).pixels)
            work: Iterator[Screen] = (Screen() for _ in rehearsal)
        elif data is None:
            chosen = choice.usable(self._engine, DEFAULT_CODEC, None)
            fresh, pixels = self._fitted(session, 0, chosen)
            work = self._compress(fresh, pixels, metric, chosen, bpp=OFFERS[DEFAULT_CODEC].bpp)
            work = self._remembered(session.name, work)
        else:
            work = self._decompress(session, load_picture(session.original).pixels, data, metric)
        yield from self._turns.while_mine(turn, self._or_settle(work, session, metric), Screen())

    @friendly
    def encode(
        self,
        session: Session,
        side: int | None,
        bpp: float,
        num_bytes: int | None,
        preset: str,
        seed: int,
        metric: str,
        codec: str = DEFAULT_CODEC,
        model: str | None = None,
        prompt: str | None = None,
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
            model: name of one of its models; empty, or the name of another codec's, for its own choice.
            prompt: what the picture shows, for a model that can be told; it is part of the file.
        """
        if not session.source:
            raise gr.Error("There is no picture yet. Upload one or pick an example.", print_exception=False)
        chosen = choice.usable(self._engine, codec, model)
        options: dict[str, Any] = {"num_bytes": int(num_bytes)} if num_bytes else {"bpp": float(bpp)}
        fresh, pixels = self._fitted(session, side or 0, chosen, preset=preset, **options)
        turn = self._turns.take(request)
        fresh = replace(fresh, turn=turn.number)
        if not num_bytes and bpp * pixels.size / 24 < LEAST_BYTES:
            options = {"num_bytes": LEAST_BYTES}
            fresh = replace(fresh, fit=f"{fresh.fit} {words.TINY.format(LEAST_BYTES)}".strip())
        if chosen.takes_prompt:
            options["prompt"] = (prompt or "").strip()
        work = self._compress(fresh, pixels, metric, chosen, preset=preset, seed=int(seed or 0), **options)
        yield from self._turns.while_mine(turn, self._or_settle(work, session, metric), Screen())

    @friendly
    def choose_codec(self, codec: str) -> tuple[dict, dict, dict, dict]:
        """Show what can be chosen for compressing with a codec."""
        return encoding_controls(codec)

    @friendly
    def stop(self, session: Session, metric: str, request: gr.Request | None = None) -> Screen:
        """Keep what is there: every state of an encode is a whole file.

        Args:
            session: who asks.
            metric: what the plot shows.
        """
        self._turns.take(request)
        return self._settled(session, metric, words.stopped(session.shown))

    def _fitted(self, session: Session, side: int, chosen: ModelInfo, **encode: Any) -> tuple[Session, Pixels]:
        """The picture as the model takes it, in a session without a file; that is what the file will be compared with.

        Where the model takes less than the working size, it gets the picture as it came: made smaller twice, that
        would only lose.

        Args:
            session: whose picture.
            side: longest side to work at, 0 for the picture as it is.
            chosen: the model.
            encode: preset and rate of the encode that is to come, which must not take too long.
        """
        picture = load_picture(session.source).pixels
        fitted = self._engine.fit(picture, chosen.name)
        if 0 < side < max(fitted.pixels.shape):
            picture = to_side(picture, side)
        fitted = self._engine.fit(picture, chosen.name, **encode)
        original = to_png(fitted.pixels)
        return Session(
            name=session.name,
            source=session.source,
            notes=session.notes,
            fit=fitted.note,
            original=original,
            codec=session.codec,
            own=session.own if chosen.codec != "diffc" and session.original == original else (),
            tried=session.tried if session.original == original else (),
            earlier=self._painter.past(session) if session.original == original else (),
            left=sides.of_original(original),
            turn=session.turn,
        ), fitted.pixels

    def _compress(
        self, session: Session, pixels: Pixels, metric: str, chosen: ModelInfo, **options: Any
    ) -> Iterator[Screen]:
        self._painter.baselines.start(session.original, pixels)
        started = time.monotonic()
        for moment in self._engine.encode(pixels, codec=chosen.codec, model=chosen.name, **options):
            session = replace(session.grown(moment.frame), data=moment.data)
            line = words.progress(moment.frame, "Compressing")
            screen = self._painter.paint(session, metric, status=line, **BUSY)
            session = screen.session
            yield screen
        taken = duration(time.monotonic() - started)
        yield self._settled(session, metric, f"Compressed in {taken} with {chosen.label}.")

    def _decompress(self, session: Session, pixels: Pixels, data: bytes, metric: str) -> Iterator[Screen]:
        self._painter.baselines.start(session.original, pixels)
        session = replace(session, data=data)
        for frame in self._engine.decode(data, reference=pixels):
            session = session.grown(frame)
            line = words.progress(frame, "Decoding")
            screen = self._painter.paint(session, metric, status=line, **BUSY)
            session = screen.session
            yield screen
        yield self._settled(session, metric, words.EXAMPLE)

    def _remembered(self, name: str, work: Iterator[Screen]) -> Iterator[Screen]:
        """The same screens; the file that they end with is kept for the next visitor."""
        for screen in work:
            yield screen
        self._example_files[name] = screen.session.data

    def _or_settle(self, work: Iterator[Screen], before: Session, metric: str) -> Iterator[Screen]:
        """The same screens; before a failure is told, what was there comes back, with its controls.

        Gradio's own `failure` event does not serve: it also follows when somebody presses Stop.
        """
        try:
            yield from work
        except Exception:
            yield self._settled(before, metric, "That did not work. What was there before still is.")
            raise

    def _settled(self, session: Session, metric: str, text: str) -> Screen:
        if not session.data:
            return Screen(status=words.status("No file yet."), stop=gr.update(interactive=False))
        return self._painter.settled(session, metric, text)


def to_side(pixels: Pixels, side: int) -> Pixels:
    """The picture with its longest side shortened to `side`; 0 keeps it."""
    height, width = pixels.shape[:2]
    if not 0 < side < max(width, height):
        return pixels
    return fit_pixels(pixels, round(width * height * (side / max(width, height)) ** 2))
