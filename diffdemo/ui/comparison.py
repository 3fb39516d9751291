"""Which two pictures are compared, at equal bytes, and where they differ."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.engine.heat import difference, error_map
from diffdemo.images import load_picture, to_png
from diffdemo.ui import comparer, present, sides
from diffdemo.ui.codecs import OFFERS
from diffdemo.ui.errors import friendly
from diffdemo.ui.opponent import Opponent
from diffdemo.ui.screen import Painter, Screen
from diffdemo.ui.session import Session, Shown, Side
from diffdemo.ui.sides import MEAN, ORIGINAL, OTHER, OURS
from diffdemo.ui.turns import Turns

_MAPS = {"difference": difference, "error": error_map}


class Comparison:
    """The events of the stage, with the engine that they work on."""

    def __init__(self, engine: Engine, painter: Painter, turns: Turns) -> None:
        self._engine = engine
        self._painter = painter
        self._turns = turns
        self._opponent = Opponent(engine)

    @friendly
    def compare(self, session: Session, compare: str, metric: str, against: str = OURS) -> Screen:
        """Choose what stands on either half of the stage; all but the original have as many bytes as the file.

        Args:
            session: who asks.
            compare: on the left: "original", "ours" (the file), a classical codec such as "jpeg", "other" (the other
                one of DiffC and CDC), or "mean" (of CDC: one step).
            metric: what the plot shows.
            against: the same, on the right.
        """
        if session.shown is None:
            return Screen()
        if OTHER in (compare, against) and not self._opponent.is_known(session):
            return Screen(wanted=time.monotonic_ns())
        return self._painter.paint(self.placed(session, compare, against), metric)

    @friendly
    def oppose(
        self, session: Session, compare: str, metric: str, against: str = OURS, request: gr.Request | None = None
    ) -> Iterator[Screen]:
        """Compress with the other one of DiffC and CDC to as many bytes, and show it as it comes; see `compare`."""
        screens = self.opposed(session, compare, against, metric)
        yield from self._turns.while_mine(self._turns.take(request), screens, Screen())

    def opposed(self, session: Session, compare: str, against: str, metric: str) -> Iterator[Screen]:
        """The screens of the same; none if nobody wants to see the other codec, or if it is known already."""
        if OTHER not in (compare, against) or self._opponent.is_known(session):
            return
        for met, line in self._opponent.met(session):
            session = self.placed(met, compare, against)
            yield self._painter.paint(session, metric, status=line, stop=gr.update(interactive=True))
        done = f"Compressed with {OFFERS[sides.opponent(session.codec)].label}, to as many bytes."
        yield self._painter.paint(session, metric, status=present.status(done), stop=gr.update(interactive=False))

    def placed(self, session: Session, compare: str, against: str = OURS) -> Session:
        """The session with these two sides, as far as they can be had at once."""
        if session.shown is None:
            return session
        left, right = (self._side(session, session.shown, key) for key in (compare, against))
        return replace(session, left=left, right=right)

    @friendly
    def look(self, session: Session, event: gr.EventData) -> Any:
        """Draw where the two pictures on the stage differ."""
        shown, kind = sides.on_stage(session), event.kind
        if shown is None or kind not in _MAPS:
            return gr.skip()
        left, right = shown
        drawn = _MAPS[kind](load_picture(left.png).pixels, load_picture(right.png).pixels)
        return comparer.drawn_map(left, right, kind, to_png(drawn))

    def _side(self, session: Session, shown: Shown, key: str) -> Side | None:
        """What a key stands for; None for the file itself, whatever it will show."""
        if key == OURS:
            return None
        if key == MEAN or not session.original:
            return self._simplest(session, shown)
        if key == ORIGINAL:
            return sides.of_original(session.original)
        if key == OTHER:
            return session.other or Side("not compressed yet", session.original)
        pixels = load_picture(session.original).pixels
        return sides.of_classical(self._engine.classical(pixels, key, num_bytes=shown.num_bytes), shown.num_bytes)

    def _simplest(self, session: Session, shown: Shown) -> Side | None:
        """The safest picture of the same bytes."""
        if session.quick:
            return Side(present.ONE_STEP, session.quick, present.size(shown.num_bytes))
        frame = self._engine.preview(session.data, shown.num_bytes)
        return None if frame is None else sides.of_frame(f"DiffC, {present.DECODERS['mean']}", frame)
