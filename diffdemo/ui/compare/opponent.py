"""The other one of our own codecs on the same picture, with as many bytes as the file of the page or as were chosen."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.pictures import load_picture
from diffdemo.ui import words
from diffdemo.ui.codec_controls import OFFERS
from diffdemo.ui.compare import sides
from diffdemo.ui.memory.session import Other, Session, Side
from diffdemo.ui.models import choice


class Opponent:
    """Compresses with it, on the engine of the page."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def is_known(self, session: Session, asked: int) -> bool:
        """Whether the session holds its picture at so many bytes."""
        return any(other.asked == asked and other.is_done for other in session.others)

    def side(self, session: Session, asked: int) -> Side:
        """The same as a side: until it is known as far as it has come, or else what was there before."""
        same = [other.side for other in session.others if other.asked == asked]
        before = [other.side for other in session.others]
        return (same or before or [Side("not compressed yet", session.original)])[-1]

    def met(self, session: Session, asked: int) -> Iterator[tuple[Session, str]]:
        """The session with the other codec's picture as it grows, and the line that says how far it is.

        Args:
            session: whose picture.
            asked: bytes for it.

        Raises:
            gr.Error: if the codec cannot take this picture.
        """
        if not session.original:
            raise gr.Error("There is no original here to compress with another codec.", print_exception=False)
        codec = sides.opponent(session.codec)
        chosen = choice.usable(self._engine, codec, None)
        pixels = load_picture(session.original).pixels
        if self._engine.fit(pixels, chosen.name).pixels.shape != pixels.shape:
            raise gr.Error(f"{chosen.label} takes pictures of another size than this one.", print_exception=False)
        verb = f"Compressing with {OFFERS[codec].label}"
        how = words.ONE_STEP if codec == "cdc" else words.AVERAGE
        for moment in self._engine.encode(pixels, codec=codec, model=chosen.name, num_bytes=asked):
            side = sides.of_frame(f"{OFFERS[codec].label}, {how}", moment.frame, session.original)
            session = session.having_met(Other(asked, side, moment.done))
            yield session, words.progress(moment.frame, verb)
