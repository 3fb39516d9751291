"""Which two pictures are compared, at equal bytes or at rates that were chosen, and where they differ."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import gradio as gr
from cachetools import LRUCache

from diffdemo.engine import DECODERS, Asker, Decoder, Engine
from diffdemo.images import to_png
from diffdemo.metrics.maps import difference, error_map
from diffdemo.pictures import load_picture
from diffdemo.ui import rates, words
from diffdemo.ui.compare import comparer, sides
from diffdemo.ui.compare.sides import MEAN, ORIGINAL, OURS
from diffdemo.ui.errors import refusal
from diffdemo.ui.events import AT_ONCE, LATEST, SILENT, visitor
from diffdemo.ui.memory.png import pixels_of
from diffdemo.ui.memory.session import Other, Session, Shown, Side, Wanted
from diffdemo.ui.models import choice
from diffdemo.ui.rates import EQUAL
from diffdemo.ui.studio.choices import Halves, by_values
from diffdemo.ui.studio.page import Studio
from diffdemo.ui.studio.screen import Painter, Screen, StudioEvents
from diffdemo.ui.turns import Turns

_MAX_VISITORS = 10_000
_MAPS = {"difference": difference, "error": error_map}


class Comparison(StudioEvents):
    """The events of the stage, with the engine that they work on."""

    def __init__(self, engine: Engine, painter: Painter, turns: Turns) -> None:
        super().__init__(engine, painter, turns)
        self._meanwhile: LRUCache[str, tuple[int, Halves]] = LRUCache(_MAX_VISITORS)
        self._lock = Lock()

    def compare(
        self,
        session: Session,
        halves: Halves,
        left_rate: str | None = EQUAL,
        right_rate: str | None = EQUAL,
        request: gr.Request | None = None,
    ) -> Screen:
        """Choose what stands on either half of the stage, and at which rates; where none is chosen, at equal bytes.

        Args:
            halves: on either side "original", "ours" (the file), the name of a codec, classical or our own, or "mean"
                (the simplest decode of the file); and what the plot shows.
            left_rate: for the left, such as "0.5 bpp" or "12000 bytes"; "" for as many bytes as the file.
            right_rate: for the right, in such words too.
        """
        if session.shown is None or not halves.are_of(session):
            return Screen()
        session = _at_rates(session, left_rate, right_rate)
        with self._lock:
            self._meanwhile.pop(visitor(request).session, None)
            if session.shown and session.shown.preview:
                self._meanwhile[visitor(request).session] = session.turn, halves
        if self._unknown(session, halves):
            return Screen(wanted=time.monotonic_ns())
        return self._painter.paint(self.placed(session, halves), halves.metric)

    def oppose(
        self,
        session: Session,
        halves: Halves,
        left_rate: str | None = EQUAL,
        right_rate: str | None = EQUAL,
        request: gr.Request | None = None,
    ) -> Iterator[Screen]:
        """Compress with another one of our own codecs, and show it as it comes; see `compare`.

        What is going on goes first: when it has ended, this is called again.
        """
        session = _at_rates(session, left_rate, right_rate)
        if session.shown is None or not (halves.are_of(session) and self._unknown(session, halves)):
            yield Screen()
            return
        # A session with a preview is one of the middle of it, even where it has ended since.
        if session.shown.preview or self._turns.is_working(request):
            yield Screen(status=words.status("The other codec comes when what is going on has ended."))
            return
        turn = self._turns.take(request)
        yield from self._turns.at_work(turn, self.opposed(session, halves, self._turns.asker(turn)), Screen())

    def catch_up(
        self,
        session: Session,
        halves: Halves,
        left_rate: str | None = EQUAL,
        right_rate: str | None = EQUAL,
        request: gr.Request | None = None,
    ) -> Iterator[Screen]:
        """Show the halves that were chosen while something went on, which sets them anew when it ends; see `oppose`."""
        with self._lock:
            turn, chosen = self._meanwhile.pop(visitor(request).session, (None, halves))
        wished = replace(halves, compare=chosen.compare, against=chosen.against)
        if session.shown is not None and turn == session.turn and wished != halves:
            session = self.placed(_at_rates(session, left_rate, right_rate), wished)
            screen = self._painter.paint(session, halves.metric)
            session, halves = screen.session, wished
            left, right = (gr.update(value=key) for key in (wished.compare, wished.against))
            yield screen._replace(compare=left, against=right)
        yield from self.oppose(session, halves, left_rate, right_rate, request)

    def opposed(self, session: Session, halves: Halves, asker: Asker) -> Iterator[Screen]:
        """The screens of `oppose`; none if nobody wants to see another codec, or if it is known already."""
        missing = self._unknown(session, halves)
        session = session.keeping(self._wanted(session, halves))
        for wanted in missing:
            for met, line in self._met(session, wanted, asker):
                session = self.placed(met, halves)
                yield self._painter.paint(session, halves.metric, status=line, stop=gr.update(interactive=True))
        if missing:
            labels = dict.fromkeys(self._painter.codecs[codec].label for codec, _ in missing)
            is_equal = session.shown and {asked for _, asked in missing} == {session.shown.num_bytes}
            to_what = "as many bytes" if is_equal else "the bytes that were chosen"
            line = f"Compressed with {' and '.join(labels)}, to {to_what}. {self._absent(session, missing)}"
            done = words.status(line.strip())
            yield self._painter.paint(session, halves.metric, status=done, stop=gr.update(interactive=False))

    def _absent(self, session: Session, met: list[Wanted]) -> str:
        """What would have made more of the bytes if it were here: a model of a higher rate; "" for nothing."""
        pixels = pixels_of(session.original)
        best = (self._engine.model_at(codec, pixels, num_bytes=n, bpp=24 * n / pixels.size) for codec, n in met)
        absent = [info.label for info in best if not info.is_here]
        return f"{' and '.join(absent)} would use more of them: choose that rate to fetch it." if absent else ""

    def placed(self, session: Session, halves: Halves) -> Session:
        """The session with these two sides, as far as they can be had at once."""
        shown = session.shown
        if shown is None:
            return session
        chosen = zip((halves.compare, halves.against), session.amounts, strict=True)
        left, right = (self._side(session, shown, key, _asked(shown, rate)) for key, rate in chosen)
        return replace(session, left=left, right=right)

    def offer(self, session: Session, compare: str, against: str) -> tuple[dict, dict]:
        """Show the rate of either half, where one can be chosen."""
        is_embedded = not session.quick
        left, right = (
            gr.update(visible=sides.takes_amount(key, is_embedded=is_embedded)) for key in (compare, against)
        )
        return left, right

    def look(self, session: Session, event: gr.EventData) -> Any:
        """Draw where the two pictures on the stage differ."""
        shown, kind = sides.on_stage(session, self._painter.label(session)), getattr(event, "kind", None)
        if shown is None or kind not in [*_MAPS]:
            return gr.skip()
        left, right = shown
        drawn = _MAPS[kind](load_picture(left.png).pixels, load_picture(right.png).pixels)
        return comparer.drawn_map(left, right, kind, to_png(drawn))

    def _side(self, session: Session, shown: Shown, key: str, asked: int) -> Side | None:
        """What a key stands for; None for the file itself, whatever it will show."""
        if key == OURS:
            return None
        if key == ORIGINAL and session.original:
            return sides.of_original(session.original)
        if key == MEAN or not session.original:
            return self._simplest(session, shown, asked)
        if key in self._painter.codecs:
            return _side_of(session, (key, asked))
        result = self._engine.classical(pixels_of(session.original), key, num_bytes=asked)
        return sides.of_classical(result, asked, session.original)

    def _simplest(self, session: Session, shown: Shown, asked: int) -> Side | None:
        """The simplest picture of the file: of one that is embedded of any part of it."""
        if session.quick:
            return Side(words.simplest(is_embedded=False), session.quick, words.size(shown.num_bytes))
        frame = self._engine.preview(session.data, min(asked, len(session.data)))
        if frame is None:
            return None
        caption = f"{self._painter.label(session)}, {DECODERS[Decoder(frame.decoder)].plain}"
        return sides.of_frame(caption, frame, session.original)

    def _wanted(self, session: Session, halves: Halves) -> list[Wanted]:
        """Which of our own codecs are wanted, on the left, on the right or both."""
        shown, chosen = session.shown, zip((halves.compare, halves.against), session.amounts, strict=True)
        own = self._painter.codecs
        return list(dict.fromkeys((key, _asked(shown, rate)) for key, rate in chosen if shown and key in own))

    def _unknown(self, session: Session, halves: Halves) -> list[Wanted]:
        """Those of the wanted that are not known yet."""
        known = {other.wanted for other in session.others if other.is_done}
        return [wanted for wanted in self._wanted(session, halves) if wanted not in known]

    def _met(self, session: Session, wanted: Wanted, asker: Asker) -> Iterator[tuple[Session, str]]:
        """The session with one of our own codecs' picture as it grows, and the line that says how far it is.

        Raises:
            gr.Error: if the codec cannot take this picture.
        """
        if not session.original:
            raise refusal("There is no original here to compress with another codec.")
        name, asked = wanted
        pixels = pixels_of(session.original)
        codec, chosen = self._painter.codecs[name], choice.fitting(self._engine, name, pixels, asked)
        caption = f"{codec.label}, {words.simplest(is_embedded=codec.is_embedded)}"
        moments = self._engine.encode(pixels, codec=name, model=chosen.name, num_bytes=asked, asker=asker)
        for place in moments.places():
            yield session, words.waiting(place)
        for moment in moments:
            side = sides.of_frame(caption, moment.frame, session.original)
            session = session.having_met(Other(wanted, side, moment.done))
            yield session, words.progress(moment.frame, f"Compressing with {codec.label}")


def _at_rates(session: Session, left_rate: str | None, right_rate: str | None) -> Session:
    return replace(session, amounts=(left_rate or EQUAL, right_rate or EQUAL))


def _side_of(session: Session, wanted: Wanted) -> Side:
    """What one of our own codecs made: until it is known as far as it has come, or else what was there before."""
    own = [other for other in session.others if other.wanted[0] == wanted[0]]
    best = sorted(own, key=lambda other: other.wanted == wanted)
    return best[-1].side if best else Side("not compressed yet", session.original)


def wire(studio: Studio, comparison: Comparison, shown: dict[str, Any], work: dict[str, Any]) -> Any:
    """Connect the stage and the choice of its halves.

    Returns:
        The event that computes, for whatever cancels it.
    """
    choices = [studio.compare, studio.against, studio.left_rate, studio.right_rate]
    halves = studio.both
    # Whoever is quick has chosen the rate before the half is there: the last choice counts.
    gr.on(
        [each.input for each in choices], by_values(comparison.compare), halves, **shown, **LATEST, api_name="compare"
    )
    # Also when a new file puts the original and itself on the stage.
    keys, rates_of = [studio.compare, studio.against], [studio.left_rate, studio.right_rate]
    gr.on([key.change for key in keys], comparison.offer, [studio.session, *keys], rates_of, **AT_ONCE)
    studio.stage.look(comparison.look, studio.session, studio.maps, **SILENT, **LATEST)
    # By way of a state, because only our own codecs need the device.
    return studio.wanted.change(by_values(comparison.oppose), halves, **work, api_name="oppose")


def follow(studio: Studio, comparison: Comparison, events: Sequence[Any], work: dict[str, Any]) -> list[Any]:
    """Let halves that were chosen while these events went on come when they have ended."""
    catch_up = by_values(comparison.catch_up)
    return [event.success(catch_up, studio.both, **work, api_visibility="private") for event in events]


def _asked(shown: Shown, rate: str) -> int:
    return rates.num_bytes(rate, equal=shown.num_bytes, num_pixels=round(8 * shown.num_bytes / shown.bpp))
