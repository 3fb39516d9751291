"""What the studio does with a picture: compress it, open the file that an example has already, stop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from diffdemo.engine import Engine, ModelInfo
from diffdemo.errors import Cancelled
from diffdemo.images import Pixels, fit_pixels, to_png
from diffdemo.metrics.registry import BASE
from diffdemo.plain_text import duration
from diffdemo.ui import words
from diffdemo.ui.codec_controls import encoding_controls
from diffdemo.ui.compare import sides
from diffdemo.ui.errors import refusal
from diffdemo.ui.memory.png import pixels_of
from diffdemo.ui.memory.session import Session
from diffdemo.ui.models import choice
from diffdemo.ui.studio.choices import Settings
from diffdemo.ui.studio.growing import Growing
from diffdemo.ui.studio.screen import UNCHANGED, Painter, Screen
from diffdemo.ui.turns import Turn, Turns

MIN_BYTES = 64
"""What a file may always have: at the lowest rates of very small pictures not even its header would fit."""


class Handlers(Growing):
    """The studio's events from the picture to the compressed file, with the engine that they work on."""

    def __init__(self, engine: Engine, painter: Painter, turns: Turns) -> None:
        super().__init__(engine, painter, turns)
        self._example_files: dict[str, bytes] = {}

    def open_example(self, session: Session, metric: str, request: gr.Request | None = None) -> Iterator[Screen]:
        """Decode the file that belongs to the example in the session; the first visitor without one waits for it.

        Where its result is known and shown already, nothing changes: from then on the slider moves without waiting.
        """
        turn = Turn.of(request, session.turn)
        if not session.example or session.is_brought or self._turns.is_over(turn):
            yield Screen()
            return
        asker = self._turns.asker(turn)
        data = self._example_files.get(session.example) or self._engine.example_file(session.example)
        if data is not None and session.data:
            rehearsal = self._engine.rehearse(data, reference=pixels_of(session.original), asker=asker)
            work = self._rehearsed(session, rehearsal)
        elif data is None:
            first = self._painter.first_codec
            chosen = choice.usable(self._engine, first.name, None)
            fresh, pixels = self._fitted(session, 0, chosen)
            compressing = self._compress(fresh, pixels, metric, chosen, bpp=first.rates.usual, asker=asker)
            work = self._remembered(session.example, compressing)
        else:
            work = self._opened(replace(session, data=data), metric, asker, words.EXAMPLE)
        yield from self._turns.at_work(turn, self._or_settle(work, session, metric), Screen())

    def encode(
        self, session: Session, settings: Settings, metric: str = BASE, request: gr.Request | None = None
    ) -> Iterator[Screen]:
        """Compress the picture of the session; every screen holds a valid file."""
        if not session.source:
            raise refusal(words.NOTHING_TO_COMPRESS if session.data else words.NO_PICTURE)
        codec = settings.codec or self._painter.first_codec.name
        chosen = choice.usable(self._engine, codec, settings.model, bpp=settings.bpp)
        size, preset = settings.num_bytes, settings.preset
        rate: dict[str, Any] = {"num_bytes": size} if size else {"bpp": chosen.rate or settings.bpp}
        fresh, pixels = self._fitted(session, settings.side, chosen, preset=preset, **rate)
        turn = self._turns.take(request)
        fresh = replace(fresh, turn=turn.number)
        if not size and not chosen.rate and settings.bpp * pixels.size / 24 < MIN_BYTES:
            rate = {"num_bytes": MIN_BYTES}
            fresh = replace(fresh, fit=f"{fresh.fit} {words.TINY.format(MIN_BYTES)}".strip())
        options = {"preset": preset, "seed": settings.seed, "asker": self._turns.asker(turn), **rate}
        if chosen.takes_prompt:
            options["prompt"] = settings.prompt
        work = self._compress(fresh, pixels, metric, chosen, **options)
        yield from self._turns.at_work(turn, self._or_settle(work, session, metric), Screen())

    def go_on(self, session: Session, metric: str = BASE, request: gr.Request | None = None) -> Iterator[Screen]:
        """Go on with the encode that was stopped, from the file that it has made."""
        if not session.original or session.goal <= len(session.data):
            raise refusal("There is no encode to go on with. Press Compress to begin one.")
        info, turn = self._engine.describe(session.data), self._turns.take(request)
        chosen = choice.usable(self._engine, info.codec, info.model)
        options = {"begun": session.data, "num_bytes": session.goal, "asker": self._turns.asker(turn)}
        begun = replace(session, turn=turn.number)
        work = self._compress(begun, pixels_of(session.original), metric, chosen, **options)
        yield from self._turns.at_work(turn, self._or_settle(work, session, metric), Screen())

    def choose_codec(self, codec: str) -> tuple[dict, dict, dict, dict]:
        """Show what can be chosen for compressing with a codec."""
        return encoding_controls(self._painter.codecs[codec])

    def stop(self, session: Session, metric: str, request: gr.Request | None = None) -> Screen:
        """Keep what is there: every state of an encode is a whole file."""
        self._turns.take(request)
        return self._settled(session, metric, words.stopped(session.shown))

    def _fitted(self, session: Session, side: int, chosen: ModelInfo, **encode: Any) -> tuple[Session, Pixels]:
        """The picture as the model takes it, in a session without a file; that is what the file will be compared with.

        Where the model takes less than the working size, it gets the picture as it came: made smaller twice, that
        would only lose.

        Args:
            side: longest side to work at, 0 for the picture as it is.
            encode: preset and rate of the encode that is to come, which must not take too long.
        """
        picture = pixels_of(session.source)
        fitted = self._engine.fit(picture, chosen.name)
        if 0 < side < max(fitted.pixels.shape):
            picture = to_side(picture, side)
        fitted = self._engine.fit(picture, chosen.name, **encode)
        original = to_png(fitted.pixels)
        fresh = session.anew(
            name=session.name,
            source=session.source,
            notes=session.notes,
            fit=fitted.note,
            example=session.example,
            original=original,
            left=sides.of_original(original),
            turn=session.turn,
        )
        if session.original == original:
            own = () if self._painter.codecs[chosen.codec].is_embedded else session.own
            fresh = replace(fresh, own=own, tried=session.tried, earlier=self._painter.past(session))
        return fresh, fitted.pixels

    def _compress(
        self, session: Session, pixels: Pixels, metric: str, chosen: ModelInfo, **options: Any
    ) -> Iterator[Screen]:
        self._painter.baselines.start(session.original, pixels)
        codec = self._painter.codecs[chosen.codec]
        moments = self._engine.encode(pixels, codec=codec.name, model=chosen.name, **options)
        yield from self._in_line(moments)
        arriving = ((moment.data, moment.frame) for moment in moments)
        goal = options.get("num_bytes") or int(options["bpp"] * pixels.size / 24)
        begun = replace(session, goal=goal if codec.is_embedded else 0)
        session = yield from self._growing(begun, arriving, codec, metric, "Compressing")
        taken = duration(moments.seconds)
        yield self._settled(replace(session, goal=0), metric, f"Compressed in {taken} with {chosen.label}.")

    def _rehearsed(self, session: Session, rehearsal: Iterator[None]) -> Iterator[Screen]:
        """Nothing that is seen; at the end the previews of the file that is shown already."""
        for _ in rehearsal:
            yield Screen()
        yield Screen(previews=self._painter.previews(session))

    def _remembered(self, name: str, work: Iterator[Screen]) -> Iterator[Screen]:
        """The screens of a compression; the file that they end with is kept for the next visitor."""
        for screen in work:
            yield screen
        self._example_files[name] = screen.session.data

    def _or_settle(self, work: Iterator[Screen], before: Session, metric: str) -> Iterator[Screen]:
        """The screens of some work; before a failure is told, what was there comes back, with its controls.

        Gradio's own `failure` event does not serve: it also follows when somebody presses Stop.
        """
        codec = before.codec
        try:
            for screen in work:
                codec = codec if screen.session is UNCHANGED else screen.session.codec
                yield screen
        except Cancelled:
            raise
        except Exception:
            yield self._settled(
                replace(before, codec=codec), metric, "That did not work. What was there before still is."
            )
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
