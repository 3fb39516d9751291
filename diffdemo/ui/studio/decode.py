"""What the studio does with a file: use a part of it, decode it in another way, compare."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from diffdemo.engine import KNOBS, Asker, Engine, FileInfo, Running
from diffdemo.engine.records import Frame
from diffdemo.ui import words
from diffdemo.ui.codec_controls import read_by
from diffdemo.ui.compare import previews, sides
from diffdemo.ui.memory.png import known_pixels
from diffdemo.ui.memory.session import NOTHING, Session
from diffdemo.ui.memory.tried import Run, name_of
from diffdemo.ui.studio.choices import Choices, Halves
from diffdemo.ui.studio.comparison import Comparison
from diffdemo.ui.studio.screen import Painter, Screen, StudioEvents
from diffdemo.ui.turns import Turn, Turns

_ANY = Halves()
_QUIET_SECONDS = 0.4
"""Frames that follow sooner come from a cache; showing them all would only flicker."""


class Viewing(StudioEvents):
    """The studio's events from the compressed file on, with the engine that they work on."""

    def __init__(self, engine: Engine, painter: Painter, turns: Turns) -> None:
        super().__init__(engine, painter, turns)
        self._comparison = Comparison(engine, painter, turns)

    def refine(
        self, session: Session, choices: Choices, halves: Halves, request: gr.Request | None = None
    ) -> Iterator[Screen]:
        """Decode the file as chosen: the first bytes of one that is embedded, else the whole of it."""
        if not session.data or not halves.are_of(session):
            yield Screen()
            return
        turn = self._turns.take(request)
        screens = self._decoded(session, choices, halves, self._turns.asker(turn))
        yield from self._turns.at_work(turn, screens, Screen())

    def finish(
        self, session: Session, choices: Choices, halves: Halves, request: gr.Request | None = None
    ) -> Iterator[Screen]:
        """Show a file that is new on the stage as it was chosen; it stands there whole, by its first decoder."""
        is_left, info = self._turns.is_over(Turn.of(request, session.turn)), self._painter.described(session)
        if is_left or (info and not session.is_due and self._is_done(choices.decoder, info)):
            yield Screen()
        else:
            yield from self.refine(replace(session, is_due=False), choices, halves, request)

    def choose_decoder(self, decoder: str, session: Session = NOTHING) -> tuple[dict, ...]:
        """Show the knobs that a decoder of the file's codec reads."""
        read = read_by(decoder, self._painter.codecs.get(session.codec))
        return tuple(gr.update(visible=name in read) for name in KNOBS)

    def interrupt(self, session: Session = NOTHING, halves: Halves = _ANY, request: gr.Request | None = None) -> None:
        """End what is going on, because something else is about to be asked for, of this picture."""
        if halves.are_of(session):
            self._turns.announce(request)

    def _decoded(self, session: Session, choices: Choices, halves: Halves, asker: Asker) -> Iterator[Screen]:
        """The picture as it comes; where it comes in steps the plot has them all, the stage those that can be seen."""
        info = self._engine.describe(session.data)
        choices = replace(choices, decoder=choices.decoder or self._painter.codecs[info.codec].decoders[0])
        run, metric = Run(name_of(choices.decoder, choices.knobs)), halves.metric
        frames = self._frames(session, choices, info, asker)
        yield from self._in_line(frames)
        is_first, quiet_since = not info.is_embedded, time.monotonic()
        for frame in frames:
            if not info.is_embedded:
                run = run.after(frame)
                session = session.trying(run)
            if is_first or time.monotonic() - quiet_since > _QUIET_SECONDS:
                is_first, quiet_since = False, time.monotonic()
                session = session.with_frame(frame, previews.small(frame.pixels))
                line = words.progress(frame, "Decoding")
                yield self._painter.paint(session, metric, info, status=line, stop=gr.update(interactive=True))
        if info.is_embedded:
            frame = sides.cut_at(frame, min(choices.used, len(session.data)))
        session = session.with_frame(frame)
        if not self._is_done(frame.decoder, info):
            label = self._painter.codecs[info.codec].label
            name = run.name if info.is_embedded else f"{label}, {run.name}, {words.steps(frame.num_steps)}"
            session = session.having_tried(info.codec, name)
        session = self._comparison.placed(session, halves)
        yield self._painter.paint(
            session,
            metric,
            info,
            status=words.status(words.decoded_in(frame)),
            stop=gr.update(interactive=False),
            download=self._painter.download(session, frame.num_bytes),
        )
        yield from self._comparison.opposed(session, halves, asker)

    def _frames(self, session: Session, choices: Choices, info: FileInfo, asker: Asker) -> Running[Frame]:
        how: dict[str, Any] = {"every_step": True}
        if info.is_embedded:
            how = {"num_bytes": min(choices.used, len(session.data))}
        how |= {"reference": known_pixels(session.original), "asker": asker}
        return self._engine.decode(session.data, decoder=choices.decoder, **how, **choices.knobs)

    def _is_done(self, decoder: str, info: FileInfo) -> bool:
        """Whether a file that has just been encoded or opened is decoded that way already."""
        return info.is_embedded and decoder == self._painter.codecs[info.codec].decoders[0]
