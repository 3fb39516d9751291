"""Files that somebody kept: opened at once, or as soon as the model that they need is here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from diffdemo.engine import FileInfo, ModelInfo
from diffdemo.images import MAX_PIXELS, fit_pixels, to_png
from diffdemo.pictures import load_picture
from diffdemo.ui import words
from diffdemo.ui.errors import refusal
from diffdemo.ui.memory.session import NOTHING, Session
from diffdemo.ui.models import card
from diffdemo.ui.server.files import served
from diffdemo.ui.server.uploads import read_upload, require_upload
from diffdemo.ui.studio.growing import Growing
from diffdemo.ui.studio.screen import UNCHANGED, Screen, stem_of
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


class Opening(Growing):
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
        if before.original and before.data.startswith(data):
            beside = {name: getattr(before, name) for name in ("source", "notes", "original", "fit", "example")}
            session = replace(session, **beside)
        yield from self._turns.at_work(turn, self._shown(session, metric, turn), Screen())

    def add_original(
        self, path: str, metric: str, session: Session = NOTHING, request: gr.Request | None = None
    ) -> Iterator[Screen]:
        """Take the picture that the file on the page was made from, so that it can be compared and measured."""
        if not session.data:
            raise refusal("There is no file yet that this could be the original of. Open one first.")
        picture, info = load_picture(require_upload(path), most_pixels=MAX_PIXELS), self._engine.describe(session.data)
        pixels, notes = picture.pixels, list(picture.notes)
        height, width = pixels.shape[:2]
        if (width, height) != (info.width, info.height):
            pixels = fit_pixels(pixels, info.width * info.height)
            notes.append(f"Made smaller from {width} x {height}, as the file is.")
        if pixels.shape[:2] != (info.height, info.width):
            raise refusal(
                f"This is not the original of the file: that has {info.width} x {info.height} pixels, this picture has "
                f"{width} x {height}. Please choose the picture that it was made from."
            )
        turn, png = self._turns.take(request), to_png(pixels)
        notes_there = words.picture_notes(info.width, info.height, notes)
        session = replace(session, source=png, notes=notes_there, original=png, turn=turn.number)
        shown = self._shown(session, metric, turn, source=served(png, "picture.png"))
        yield from self._turns.at_work(turn, shown, Screen())

    def release(self, waiting: Waiting, request: gr.Request | None = None) -> Waiting | dict:
        """Let the waiting file open if its model has come, and its owner has not gone on to something else."""
        is_left = self._turns.is_over(Turn.of(request, waiting.turn))
        if not waiting.model or is_left or not self._engine.model(waiting.model).is_here:
            return gr.skip()
        return waiting

    def open_released(
        self, waiting: Waiting, metric: str, before: Session = NOTHING, request: gr.Request | None = None
    ) -> Iterator[Screen]:
        """Open the file whose model has come, or that a link or the memory of a tab has brought."""
        session = before
        if not (before.is_brought and before.turn == waiting.turn):
            session = before.anew(name=waiting.name, data=waiting.data, turn=waiting.turn)
        turn = Turn.of(request, waiting.turn)
        yield from self._turns.at_work(turn, self._shown(session, metric, turn), Screen())

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

    def _shown(self, session: Session, metric: str, turn: Turn, **others: Any) -> Iterator[Screen]:
        text = words.file_note(self._engine.describe(session.data))
        others = {"source": UNCHANGED if session.source else None, "waiting": Waiting()} | others
        yield from self._opened(session, metric, self._turns.asker(turn), text, **others)
