"""Files that somebody kept: opened at once, or as soon as the model that they need is here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import gradio as gr

from diffdemo.engine import Asker, FileInfo, ModelInfo
from diffdemo.ui import words
from diffdemo.ui.compare import previews, sides
from diffdemo.ui.errors import refusal
from diffdemo.ui.memory.session import NOTHING, Session
from diffdemo.ui.models import card
from diffdemo.ui.server.uploads import read_upload
from diffdemo.ui.studio.screen import BUSY, Screen, StudioEvents, stem_of
from diffdemo.ui.turns import Turn


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that cannot be opened yet.

    Attributes:
        name: for file names.
        data: the file.
        model: name of the model that it needs; empty where no file is waiting.
        turn: number of the turn in which it was opened; if that is over, it does not open by itself any more.
    """

    name: str = ""
    data: bytes = b""
    model: str = ""
    turn: int = 0


class Opening(StudioEvents):
    """The events of opening a file, with the engine that they work on."""

    def open_file(
        self, path: str, metric: str, before: Session = NOTHING, request: gr.Request | None = None
    ) -> Iterator[Screen]:
        """Decode a file that somebody kept: an embedded one as far as it goes, another in one step for now."""
        data = read_upload(path)
        info = self._engine.describe(data)
        missing = self.missing(data, info)
        turn = self._turns.take(request)
        if missing:
            # Everything stays; the menu takes it from here.
            waiting = Waiting(stem_of(path), data, missing.name, turn.number)
            yield Screen(status=words.status(f"This file needs {card.entry(missing)}."), waiting=waiting)
            return
        session = before.anew(name=stem_of(path), data=data, turn=turn.number)
        yield from self._turns.while_mine(turn, self._opened(session, info, metric, self._turns.asker(turn)), Screen())

    def release(self, waiting: Waiting, request: gr.Request | None = None) -> Waiting | dict:
        """Let the waiting file open if its model has come, and its owner has not gone on to something else."""
        is_left = self._turns.is_over(Turn.of(request, waiting.turn))
        if not waiting.model or is_left or not self._engine.model(waiting.model).is_here:
            return gr.skip()
        return waiting

    def open_released(
        self, waiting: Waiting, metric: str, before: Session = NOTHING, request: gr.Request | None = None
    ) -> Iterator[Screen]:
        """Open the file whose model has come."""
        session = before.anew(name=waiting.name, data=waiting.data, turn=waiting.turn)
        turn = Turn.of(request, waiting.turn)
        work = self._opened(session, self._engine.describe(waiting.data), metric, self._turns.asker(turn))
        yield from self._turns.while_mine(turn, work, Screen())

    def missing(self, data: bytes, info: FileInfo) -> ModelInfo | None:
        """The model that has to be downloaded before the file can be decoded; None if nothing is missing."""
        if info.model is not None:
            return None
        writer = self._engine.who_wrote(data)
        if writer is None:
            raise refusal(
                f"This file was written with a model that is not known here: its weights are called "
                f"{info.fingerprint}. Whoever made the file can tell which it was."
            )
        return None if writer.is_here else writer

    def _opened(self, session: Session, info: FileInfo, metric: str, asker: Asker) -> Iterator[Screen]:
        busy = BUSY | {"source": None, "waiting": Waiting()}
        simplest, codec = words.simplest(is_embedded=info.is_embedded), self._painter.codecs[info.codec]
        frames = self._engine.decode(session.data, steps=1, asker=asker)
        yield from self._in_line(frames)
        for frame in frames:
            session = session.grown(frame, codec, previews.small(frame.pixels))
            session = replace(session, left=sides.of_frame(simplest, frame))
            screen = self._painter.paint(session, metric, status=words.progress(frame, "Decoding"), **busy)
            session = screen.session
            yield screen
        yield self._painter.settled(session, metric, words.file_note(info))
