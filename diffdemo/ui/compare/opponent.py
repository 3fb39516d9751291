"""Our own codecs on the picture of the page, with as many bytes as its file or as were chosen."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.ui import words
from diffdemo.ui.codec_controls import offers
from diffdemo.ui.compare import sides
from diffdemo.ui.memory.png import pixels_of
from diffdemo.ui.memory.session import Other, Session, Side, Wanted
from diffdemo.ui.models import choice


class Opponent:
    """Compresses with them, on the engine of the page."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def is_known(self, session: Session, wanted: Wanted) -> bool:
        """Whether the session holds the picture of a codec at so many bytes."""
        return any(other.wanted == wanted and other.is_done for other in session.others)

    def side(self, session: Session, wanted: Wanted) -> Side:
        """That picture as a side: until it is known as far as it has come, or else what was there before."""
        own = [other for other in session.others if other.codec == wanted[0]]
        best = sorted(own, key=lambda other: other.wanted == wanted)
        return best[-1].side if best else Side("not compressed yet", session.original)

    def met(self, session: Session, wanted: Wanted) -> Iterator[tuple[Session, str]]:
        """The session with the codec's picture as it grows, and the line that says how far it is.

        Raises:
            gr.Error: if the codec cannot take this picture.
        """
        if not session.original:
            raise gr.Error("There is no original here to compress with another codec.", print_exception=False)
        name, asked = wanted
        codec, chosen = offers(self._engine)[name], choice.usable(self._engine, name, None)
        pixels = pixels_of(session.original)
        if self._engine.fit(pixels, chosen.name).pixels.shape != pixels.shape:
            raise gr.Error(f"{chosen.label} takes pictures of another size than this one.", print_exception=False)
        caption = f"{codec.label}, {words.simplest(is_embedded=codec.is_embedded)}"
        for moment in self._engine.encode(pixels, codec=name, model=chosen.name, num_bytes=asked):
            side = sides.of_frame(caption, moment.frame, session.original)
            session = session.having_met(Other(name, asked, side, moment.done))
            yield session, words.progress(moment.frame, f"Compressing with {codec.label}")
