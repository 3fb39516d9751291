"""Who may still change a visitor's page.

Gradio cancels between two steps, and the step that was running may still arrive: after Stop, or on top of another
picture. So every event that starts or ends work takes a turn, and work whose turn is over stays silent.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import TypeVar

import gradio as gr

T = TypeVar("T")

_MOST_VISITORS = 10_000


@dataclass(frozen=True, slots=True)
class Turn:
    """One visitor's permission to paint, until the next one is given."""

    visitor: str
    number: int


class Turns:
    """Gives turns, one at a time for each visitor."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._latest: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def take(self, request: gr.Request | None) -> Turn:
        """End the visitor's turn before, and begin another."""
        turn = Turn((request and request.session_hash) or "", next(self._numbers))
        with self._lock:
            self._latest[turn.visitor] = turn.number
            self._latest.move_to_end(turn.visitor)
            while len(self._latest) > _MOST_VISITORS:
                self._latest.popitem(last=False)
        return turn

    def while_mine(self, turn: Turn, items: Iterator[T]) -> Iterator[T]:
        """The same items, until the turn is over."""
        for item in items:
            if self._latest.get(turn.visitor) != turn.number:
                return
            yield item
