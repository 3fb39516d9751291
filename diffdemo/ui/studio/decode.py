"""What the studio does with a file: use a part of it, decode it in another way, compare."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.engine.records import Frame
from diffdemo.images import Pixels
from diffdemo.pictures import load_picture
from diffdemo.ui import words
from diffdemo.ui.codec_controls import DEFAULT_GAMMA, DEFAULT_STEPS
from diffdemo.ui.compare.sides import OURS
from diffdemo.ui.errors import friendly
from diffdemo.ui.memory.runs import Run
from diffdemo.ui.memory.session import Session
from diffdemo.ui.memory.tried import cdc_name, diffc_name
from diffdemo.ui.studio.comparison import Comparison
from diffdemo.ui.studio.screen import Painter, Screen
from diffdemo.ui.turns import Turn, Turns

_QUIET_SECONDS = 0.4
"""Frames that follow sooner come from a cache; showing them all would only flicker."""


class Viewing:
    """The studio's events from the compressed file on, with the engine that they work on."""

    def __init__(self, engine: Engine, painter: Painter, turns: Turns) -> None:
        self._engine = engine
        self._painter = painter
        self._turns = turns
        self._comparison = Comparison(engine, painter, turns)

    @friendly
    def preview(self, session: Session, used: int, metric: str) -> Screen:
        """Follow the slider at once with what is cached; the chosen decoder comes when it is let go.

        Args:
            session: who asks.
            used: bytes of the file to use, from its start.
            metric: what the plot shows.
        """
        if not session.data or (session.shown and session.shown.num_bytes == used):
            return Screen()
        frame = self._engine.preview(session.data, used)
        if frame is None:
            return Screen()
        session = session.with_frame(_at(frame, used))
        return self._painter.paint(session, metric, download=self._painter.download(session, used))

    @friendly
    def refine(
        self,
        session: Session,
        used: int,
        decoder: str,
        realism: float,
        draw: int,
        compare: str,
        metric: str,
        texture: str = "deterministic",
        steps: int = DEFAULT_STEPS,
        gamma: float = DEFAULT_GAMMA,
        eta: float = 0.0,
        noise: int = 0,
        against: str = OURS,
        request: gr.Request | None = None,
    ) -> Iterator[Screen]:
        """Decode the file as chosen: the first bytes of one of DiffC, the whole of one of CDC.

        Args:
            session: who asks.
            used: bytes of a DiffC file to use, from its start.
            decoder: for DiffC, "mean", "flow" or "ancestral".
            realism: for "flow", from 0 (the mean) to 1.
            draw: for "ancestral", which of the possible pictures.
            compare: what stands on the left; see `Comparison.compare`.
            metric: what the plot shows.
            texture: for CDC, "deterministic" or "stochastic".
            steps: for CDC, denoising steps, 1 to 65.
            gamma: for "stochastic", noise to start from, 0 to 1.
            eta: for "stochastic", fresh noise in every step, 0 to 1.
            noise: for "stochastic", which noise.
            against: what stands on the right.
        """
        if not session.data:
            yield Screen()
            return
        if self._engine.describe(session.data).is_embedded:
            used = min(used, len(session.data))
            chosen: dict[str, Any] = {"decoder": decoder, "realism": realism, "seed": int(draw or 0)}
            frames = self._engine.decode(session.data, num_bytes=used, reference=_original(session), **chosen)
            screens = self._refined(session, frames, used, diffc_name(decoder, realism), compare, against, metric)
        else:
            chosen = {"decoder": texture, "steps": int(steps), "gamma": gamma, "eta": eta, "seed": int(noise or 0)}
            frames = self._engine.decode(session.data, reference=_original(session), every_step=True, **chosen)
            screens = self._textured(session, frames, Run.named(texture, gamma, eta), compare, against, metric)
        yield from self._turns.while_mine(self._turns.take(request), screens, Screen())

    def _refined(
        self,
        session: Session,
        frames: Iterator[Frame],
        used: int,
        name: str,
        compare: str,
        against: str,
        metric: str,
    ) -> Iterator[Screen]:
        quiet_since = time.monotonic()
        for frame in frames:
            if time.monotonic() - quiet_since > _QUIET_SECONDS:
                quiet_since = time.monotonic()
                line = words.progress(frame, "Decoding")
                session = session.with_frame(frame)
                yield self._painter.paint(session, metric, status=line, stop=gr.update(interactive=True))
        frame = _at(frame, used)
        if frame.decoder != "mean":
            session = session.with_frame(frame).having_tried("diffc", name)
        yield from self._decoded(session, frame, compare, against, metric)

    def _textured(
        self, session: Session, frames: Iterator[Frame], run: Run, compare: str, against: str, metric: str
    ) -> Iterator[Screen]:
        """The picture after each denoising step; the plot has them all, the stage those that can be seen."""
        quiet_since = time.monotonic()
        for frame in frames:
            run = run.after(frame)
            session = session.with_frame(frame).trying(run)
            if frame.step == 1 or time.monotonic() - quiet_since > _QUIET_SECONDS:
                quiet_since = time.monotonic()
                line = words.progress(frame, "Decoding")
                yield self._painter.paint(session, metric, status=line, stop=gr.update(interactive=True))
        session = session.having_tried("cdc", cdc_name(run.name, frame.num_steps))
        yield from self._decoded(session, frame, compare, against, metric)

    def _decoded(self, session: Session, frame: Frame, compare: str, against: str, metric: str) -> Iterator[Screen]:
        """The picture as it was asked for, beside what it is compared with; the other codec comes last."""
        session = self._comparison.placed(session.with_frame(frame), compare, against)
        yield self._painter.paint(
            session,
            metric,
            status=words.status(words.decoded_in(frame)),
            stop=gr.update(interactive=False),
            download=self._painter.download(session, frame.num_bytes),
        )
        yield from self._comparison.opposed(session, compare, against, metric)

    @friendly
    def finish(
        self,
        session: Session,
        used: int,
        decoder: str,
        realism: float,
        draw: int,
        compare: str,
        metric: str,
        texture: str = "deterministic",
        steps: int = DEFAULT_STEPS,
        gamma: float = DEFAULT_GAMMA,
        eta: float = 0.0,
        noise: int = 0,
        against: str = OURS,
        request: gr.Request | None = None,
    ) -> Iterator[Screen]:
        """Apply the chosen decoder to a file that is new on the stage as its mean, or after one step; see `refine`."""
        is_left = self._turns.is_over(Turn.of(request, session.turn))
        if is_left or (decoder == "mean" and session.data and self._engine.describe(session.data).is_embedded):
            yield Screen()
        else:
            choices = session, used, decoder, realism, draw, compare, metric, texture, steps, gamma, eta, noise, against
            yield from self.refine(*choices, request)

    @friendly
    def choose_decoder(self, decoder: str) -> tuple[dict, dict]:
        """Show the knob that belongs to a decoder."""
        return gr.update(visible=decoder == "flow"), gr.update(visible=decoder == "ancestral")

    @friendly
    def interrupt(self, request: gr.Request | None = None) -> None:
        """End what is going on, because something else is about to be asked for."""
        self._turns.take(request)

    @friendly
    def choose_texture(self, texture: str) -> tuple[dict, dict, dict]:
        """Show the knobs that belong to a decoder of CDC."""
        shown = gr.update(visible=texture == "stochastic")
        return shown, shown, shown


def _original(session: Session) -> Pixels | None:
    return load_picture(session.original).pixels if session.original else None


def _at(frame: Frame, used: int) -> Frame:
    """The frame with the bytes that the visitor spends, of which the last ones may not complete a step."""
    return replace(frame, num_bytes=used, bpp=frame.bpp * used / frame.num_bytes)
