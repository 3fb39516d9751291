"""Who may still change a visitor's page.

Gradio cancels between two steps, and the step that was running may still arrive: after Stop, or on top of another
picture. So every event that starts or ends work takes a turn, and work whose turn is over stays silent. An event that
follows from another one goes on in the turn of that one, or it would take the word from what came in between.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from threading import Condition
from typing import TypeVar

import gradio as gr
from cachetools import LRUCache

from diffdemo.engine import Asker, Rank
from diffdemo.errors import Cancelled

T = TypeVar("T")

_MAX_VISITORS = 10_000
_PATIENCE_SECONDS = 5.0
_MOMENT_SECONDS = 0.5
_ANNOUNCED_SECONDS = 10.0
"""In which work that was announced begins, or will not come any more."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One visitor's permission to paint, until the next one is given."""

    visitor: str
    number: int

    @classmethod
    def of(cls, request: gr.Request | None, number: int) -> Turn:
        """The turn with this number of the visitor who asks."""
        return cls((request and request.session_hash) or "", number)


class Turns:
    """Gives turns, one at a time for each visitor.

    Args:
        patience: seconds to wait, at a change of turns, for what is on its way to the page.
    """

    def __init__(self, patience: float = _PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._numbers = count(1)
        self._latest: LRUCache[str, int] = LRUCache(_MAX_VISITORS)
        self._speaking: list[Turn] = []
        self._working: list[Turn] = []
        self._announced: LRUCache[str, float] = LRUCache(_MAX_VISITORS)
        self._changed = Condition()

    def take(self, request: gr.Request | None) -> Turn:
        """End the visitor's turn before, and begin another once the last words of that one are said."""
        turn = Turn.of(request, next(self._numbers))
        with self._changed:
            self._latest[turn.visitor] = turn.number
            self._changed.wait_for(lambda: not self._is_spoken_to(turn.visitor), self._patience)
        return turn

    def announce(self, request: gr.Request | None) -> Turn:
        """Take a turn for work that the browser is about to ask for: the visitor is at work from now on."""
        turn = self.take(request)
        with self._changed:
            self._announced[turn.visitor] = time.monotonic() + _ANNOUNCED_SECONDS
        return turn

    def current(self, request: gr.Request | None) -> Turn:
        """The turn that the visitor is in: for what nobody asked for, and which ends when somebody asks for more."""
        visitor = Turn.of(request, 0).visitor
        return Turn(visitor, self._number(visitor))

    def is_over(self, turn: Turn) -> bool:
        """Whether another turn has begun."""
        return self._number(turn.visitor) != turn.number

    def asker(self, turn: Turn) -> Asker:
        """Whom the engine works for in a turn; it stops when the turn is over."""
        return Asker(turn.visitor, Rank.PERSON, lambda: self.is_over(turn))

    def is_working(self, request: gr.Request | None) -> bool:
        """Whether something is going on in the turn that the visitor is in; what has just ended gets a moment to."""
        visitor = Turn.of(request, 0).visitor
        with self._changed:
            return not self._changed.wait_for(lambda: not self._is_at_work(visitor), _MOMENT_SECONDS)

    def at_work(self, turn: Turn, items: Iterator[T], silence: T) -> Iterator[T]:
        """As `while_mine`, for work that somebody asked for and that nothing but another wish should end."""
        with self._changed:
            self._working.append(turn)
            self._announced.pop(turn.visitor, None)
        try:
            yield from self.while_mine(turn, items, silence)
        finally:
            with self._changed:
                self._working.remove(turn)
                self._changed.notify_all()

    def while_mine(self, turn: Turn, items: Iterator[T], silence: T) -> Iterator[T]:
        """Pass items on until the turn is over; then, or if there were none, `silence`.

        Gradio sends what a generator yielded last once more when it ends, over whatever the next turn has painted by
        then; where nothing was yielded, it empties every output.
        """
        has_spoken = False
        for item in _until_cancelled(items):
            if not self._begin_to_speak(turn):
                break
            has_spoken = True
            try:
                yield item  # Gradio asks for the next item when this one is on its way.
            finally:
                self._end_speaking(turn)
            if self.is_over(turn):
                break
        if not has_spoken or self.is_over(turn):
            yield silence

    def _number(self, visitor: str) -> int:
        """Of the visitor's latest turn; to ask for it is to remember the visitor for longer."""
        with self._changed:
            return self._latest.get(visitor, 0)

    def _is_at_work(self, visitor: str) -> bool:
        is_announced = self._announced.get(visitor, 0.0) > time.monotonic()
        return is_announced or Turn(visitor, self._latest.get(visitor, 0)) in self._working

    def _is_spoken_to(self, visitor: str) -> bool:
        return any(turn.visitor == visitor for turn in self._speaking)

    def _begin_to_speak(self, turn: Turn) -> bool:
        with self._changed:
            if self.is_over(turn):
                return False
            self._speaking.append(turn)
            return True

    def _end_speaking(self, turn: Turn) -> None:
        with self._changed:
            self._speaking.remove(turn)
            self._changed.notify_all()


def _until_cancelled(items: Iterator[T]) -> Iterator[T]:
    """The items up to where the engine found that nobody wants them any more."""
    with suppress(Cancelled):
        yield from items
