"""What the studio does with files: open one, use a part of it, decode it in another way, compare."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.engine.plots import Metric
from diffdemo.engine.records import FileInfo, Frame
from diffdemo.images import load_picture, to_png
from diffdemo.ui import present
from diffdemo.ui.errors import friendly
from diffdemo.ui.screen import BUSY, Painter, Screen, stem_of
from diffdemo.ui.session import Session, Side
from diffdemo.ui.turns import Turns

_QUIET_SECONDS = 0.4
"""Frames that follow sooner come from a cache; showing them all would only flicker."""


class Viewing:
    """The studio's events from the compressed file on, with the engine that they work on."""

    def __init__(self, engine: Engine, painter: Painter, turns: Turns) -> None:
        self._engine = engine
        self._painter = painter
        self._turns = turns

    @friendly
    def open_file(self, path: str, metric: Metric, request: gr.Request | None = None) -> Iterator[Screen]:
        """Decode a file that somebody kept, whole or cut, as far as it goes.

        Args:
            path: a .difd file.
            metric: what the plot shows, "psnr_db" or "ms_ssim".
        """
        data = Path(path).read_bytes()
        info = self._engine.describe(data)
        session = Session(name=stem_of(path), data=data)
        yield from self._turns.while_mine(self._turns.take(request), self._opened(session, info, metric))

    def _opened(self, session: Session, info: FileInfo, metric: Metric) -> Iterator[Screen]:
        busy = BUSY | {"source": None, "notes": ""}
        for frame in self._engine.decode(session.data):
            session = session.with_frame(frame)
            session = replace(session, left=Side(present.COMPARISONS["mean"], to_png(frame.pixels)))
            yield self._painter.paint(session, metric, status=present.progress(frame, "Decoding"), **busy)
        yield self._painter.settled(session, metric, present.file_note(info))

    @friendly
    def preview(self, session: Session, used: int, metric: Metric) -> Screen:
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
        metric: Metric,
        request: gr.Request | None = None,
    ) -> Iterator[Screen]:
        """Decode the first bytes of the file as chosen.

        Args:
            session: who asks.
            used: bytes of the file to use, from its start.
            decoder: "mean", "flow" or "ancestral".
            realism: for "flow", from 0 (the mean) to 1.
            draw: for "ancestral", which of the possible pictures.
            compare: what stands on the left: "original", "jpeg", "webp", "avif" or "mean".
            metric: what the plot shows.
        """
        if not session.data:
            yield Screen()
            return
        frames = self._engine.decode(
            session.data,
            num_bytes=min(used, len(session.data)),
            decoder=decoder,
            realism=realism,
            seed=int(draw or 0),
            reference=load_picture(session.original).pixels if session.original else None,
        )
        screens = self._refined(session, frames, min(used, len(session.data)), compare, metric)
        yield from self._turns.while_mine(self._turns.take(request), screens)

    def _refined(
        self, session: Session, frames: Iterator[Frame], used: int, compare: str, metric: Metric
    ) -> Iterator[Screen]:
        quiet_since = time.monotonic()
        for frame in frames:
            if time.monotonic() - quiet_since > _QUIET_SECONDS:
                quiet_since = time.monotonic()
                line = present.progress(frame, "Decoding")
                session = session.with_frame(frame)
                yield self._painter.paint(session, metric, status=line, stop=gr.update(interactive=True))
        session = self._compared(session.with_frame(_at(frame, used)), compare)
        line = present.status(present.decoded_in(frame.decoder, frame.seconds))
        download = self._painter.download(session, used)
        yield self._painter.paint(session, metric, status=line, stop=gr.update(interactive=False), download=download)

    @friendly
    def refine_unless_mean(
        self,
        session: Session,
        used: int,
        decoder: str,
        realism: float,
        draw: int,
        compare: str,
        metric: Metric,
        request: gr.Request | None = None,
    ) -> Iterator[Screen]:
        """Apply the chosen decoder to a file that is new on the stage as its mean; see `refine`."""
        if decoder == "mean":
            yield Screen()
        else:
            yield from self.refine(session, used, decoder, realism, draw, compare, metric, request)

    @friendly
    def compare(self, session: Session, compare: str, metric: Metric) -> Screen:
        """Put something else on the left half of the stage, at the bytes of the right half.

        Args:
            session: who asks.
            compare: "original", "jpeg", "webp", "avif" or "mean".
            metric: what the plot shows.
        """
        if session.shown is None:
            return Screen()
        return self._painter.paint(self._compared(session, compare), metric)

    @friendly
    def choose_decoder(self, decoder: str) -> tuple[dict, dict]:
        """Show the knob that belongs to a decoder."""
        return gr.update(visible=decoder == "flow"), gr.update(visible=decoder == "ancestral")

    @friendly
    def replot(self, session: Session, metric: Metric) -> Screen:
        """Draw the plot with another measure of distortion."""
        return Screen(plot=self._painter.plot(session, metric))

    def _compared(self, session: Session, compare: str) -> Session:
        shown = session.shown
        if shown is None:
            return session
        if compare == "mean" or not session.original:
            frame = self._engine.preview(session.data, shown.num_bytes)
            png = shown.png if frame is None else to_png(frame.pixels)
            return replace(session, left=Side(present.COMPARISONS["mean"], png))
        if compare == "original":
            return replace(session, left=Side(present.ORIGINAL, session.original))
        original = load_picture(session.original).pixels
        result = self._engine.classical(original, compare, num_bytes=shown.num_bytes)
        return replace(session, left=Side(present.classical_caption(result, shown.num_bytes), to_png(result.pixels)))


def last_frame(frames: Iterator[Frame]) -> Frame:
    """The result of a decode, when nobody watches."""
    *_, last = frames
    return last


def _at(frame: Frame, used: int) -> Frame:
    """The frame with the bytes that the visitor spends, of which the last ones may not complete a step."""
    return replace(frame, num_bytes=used, bpp=frame.bpp * used / frame.num_bytes)
