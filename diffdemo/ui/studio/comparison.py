"""Which two pictures are compared, at equal bytes or at rates that were chosen, and where they differ."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.images import to_png
from diffdemo.metrics.maps import difference, error_map
from diffdemo.pictures import load_picture
from diffdemo.ui import rates
from diffdemo.ui import words as present
from diffdemo.ui.codec_controls import OFFERS
from diffdemo.ui.compare import comparer, sides
from diffdemo.ui.compare.opponent import Opponent
from diffdemo.ui.compare.sides import MEAN, ORIGINAL, OTHER, OURS
from diffdemo.ui.errors import friendly
from diffdemo.ui.memory.session import Session, Shown, Side
from diffdemo.ui.rates import EQUAL
from diffdemo.ui.studio.screen import Painter, Screen
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
    def compare(
        self,
        session: Session,
        compare: str,
        metric: str,
        against: str = OURS,
        left_rate: str | None = EQUAL,
        right_rate: str | None = EQUAL,
    ) -> Screen:
        """Choose what stands on either half of the stage, and at which rates; where none is chosen, at equal bytes.

        Args:
            session: who asks.
            compare: on the left: "original", "ours" (the file), a classical codec such as "jpeg", "other" (the other
                one of DiffC and CDC), or "mean" (of CDC: one step).
            metric: what the plot shows.
            against: the same as `compare`, on the right.
            left_rate: for the left, such as "0.5 bpp" or "12000 bytes"; "" for as many bytes as the file.
            right_rate: the same for the right.
        """
        if session.shown is None:
            return Screen()
        session = replace(session, amounts=(left_rate or EQUAL, right_rate or EQUAL))
        if self._unknown(session, compare, against):
            return Screen(wanted=time.monotonic_ns())
        return self._painter.paint(self.placed(session, compare, against), metric)

    @friendly
    def oppose(
        self,
        session: Session,
        compare: str,
        metric: str,
        against: str = OURS,
        left_rate: str | None = EQUAL,
        right_rate: str | None = EQUAL,
        request: gr.Request | None = None,
    ) -> Iterator[Screen]:
        """Compress with the other one of DiffC and CDC, and show it as it comes; see `compare`."""
        session = replace(session, amounts=(left_rate or EQUAL, right_rate or EQUAL))
        screens = self.opposed(session, compare, against, metric)
        yield from self._turns.while_mine(self._turns.take(request), screens, Screen())

    def opposed(self, session: Session, compare: str, against: str, metric: str) -> Iterator[Screen]:
        """The screens of the same; none if nobody wants to see the other codec, or if it is known already."""
        missing = self._unknown(session, compare, against)
        session = session.keeping(self._wanted(session, compare, against))
        for asked in missing:
            for met, line in self._opponent.met(session, asked):
                session = self.placed(met, compare, against)
                yield self._painter.paint(session, metric, status=line, stop=gr.update(interactive=True))
        if missing:
            with_what = OFFERS[sides.opponent(session.codec)].label
            is_equal = session.shown and missing == [session.shown.num_bytes]
            to_what = "as many bytes" if is_equal else "the bytes that were chosen"
            done = present.status(f"Compressed with {with_what}, to {to_what}.")
            yield self._painter.paint(session, metric, status=done, stop=gr.update(interactive=False))

    def placed(self, session: Session, compare: str, against: str = OURS) -> Session:
        """The session with these two sides, as far as they can be had at once."""
        if session.shown is None:
            return session
        left, right = (
            self._side(session, session.shown, key, words)
            for key, words in zip((compare, against), session.amounts, strict=True)
        )
        return replace(session, left=left, right=right)

    @friendly
    def offer(self, session: Session, compare: str, against: str) -> tuple[dict, dict]:
        """Show the rate of either half, where one can be chosen."""
        is_embedded = not session.quick
        left, right = (
            gr.update(visible=sides.takes_amount(key, is_embedded=is_embedded)) for key in (compare, against)
        )
        return left, right

    @friendly
    def look(self, session: Session, event: gr.EventData) -> Any:
        """Draw where the two pictures on the stage differ."""
        shown, kind = sides.on_stage(session), event.kind
        if shown is None or kind not in _MAPS:
            return gr.skip()
        left, right = shown
        drawn = _MAPS[kind](load_picture(left.png).pixels, load_picture(right.png).pixels)
        return comparer.drawn_map(left, right, kind, to_png(drawn))

    def _side(self, session: Session, shown: Shown, key: str, words: str) -> Side | None:
        """What a key stands for; None for the file itself, whatever it will show."""
        if key == OURS:
            return None
        if key == ORIGINAL and session.original:
            return sides.of_original(session.original)
        asked = _asked(shown, words)
        if key == MEAN or not session.original:
            return self._simplest(session, shown, asked)
        if key == OTHER:
            return self._opponent.side(session, asked)
        pixels = load_picture(session.original).pixels
        result = self._engine.classical(pixels, key, num_bytes=asked)
        return sides.of_classical(result, asked, session.original)

    def _simplest(self, session: Session, shown: Shown, asked: int) -> Side | None:
        """The safest picture of the file: of DiffC of any part of it."""
        if session.quick:
            return Side(present.ONE_STEP, session.quick, present.size(shown.num_bytes))
        frame = self._engine.preview(session.data, min(asked, len(session.data)))
        return None if frame is None else sides.of_frame(f"DiffC, {present.DECODERS['mean']}", frame, session.original)

    def _wanted(self, session: Session, *keys: str) -> list[int]:
        """At how many bytes the other codec is wanted, on the left, on the right or both."""
        shown, chosen = session.shown, zip(keys, session.amounts, strict=True)
        wanted = [_asked(shown, words) for key, words in chosen if key == OTHER] if shown else []
        return list(dict.fromkeys(wanted))

    def _unknown(self, session: Session, *keys: str) -> list[int]:
        """The same, as far as it is not known yet."""
        return [asked for asked in self._wanted(session, *keys) if not self._opponent.is_known(session, asked)]


def _asked(shown: Shown, words: str) -> int:
    return rates.num_bytes(words, equal=shown.num_bytes, num_pixels=round(8 * shown.num_bytes / shown.bpp))
