"""The other one of our own codecs on the same picture, with as many bytes as the file of the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.images import load_picture
from diffdemo.ui import models, present, sides
from diffdemo.ui.codecs import OFFERS
from diffdemo.ui.session import Session


class Opponent:
    """Compresses with it, on the engine of the page."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def is_known(self, session: Session) -> bool:
        """Whether the session holds its picture at the bytes that are shown."""
        return session.shown is None or session.other_bytes == session.shown.num_bytes

    def met(self, session: Session) -> Iterator[tuple[Session, str]]:
        """The session with the other codec's picture as it grows, and the line that says how far it is.

        Raises:
            gr.Error: if the codec cannot take this picture.
        """
        if session.shown is None or not session.original:
            raise gr.Error("There is no original here to compress with another codec.", print_exception=False)
        codec, asked = sides.opponent(session.codec), session.shown.num_bytes
        chosen = models.usable(self._engine, codec, None)
        pixels = load_picture(session.original).pixels
        if self._engine.fit(pixels, chosen.name).pixels.shape != pixels.shape:
            raise gr.Error(f"{chosen.label} takes pictures of another size than this one.", print_exception=False)
        verb = f"Compressing with {OFFERS[codec].label}"
        for moment in self._engine.encode(pixels, codec=codec, model=chosen.name, num_bytes=asked):
            how = present.ONE_STEP if codec == "cdc" else present.AVERAGE
            side = sides.of_frame(f"{OFFERS[codec].label}, {how}", moment.frame)
            session = replace(session, other=side, other_bytes=asked if moment.done else 0)
            yield session, present.progress(moment.frame, verb)
