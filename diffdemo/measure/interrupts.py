"""Ctrl-C and SIGTERM as an exception that no library swallows."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """Somebody asked the process to end.

    Attributes:
        status: that it should exit with, 130 for Ctrl-C and 143 for SIGTERM.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.status = 128 + number


class Interrupts:
    """Remembers that a signal came: an exception that is raised inside a callback is reported there and forgotten."""

    def __init__(self) -> None:
        self._number: int | None = None

    def require_none(self) -> None:
        """Check that nobody has asked to stop.

        Raises:
            Stopped: if somebody has.
        """
        if self._number is not None:
            raise Stopped(self._number)

    def raise_stopped(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal, as Python calls it."""
        self._number = number
        raise Stopped(number)


@contextmanager
def heeded() -> Iterator[Interrupts]:
    """Turn `SIGNALS` into `Stopped` while the block runs; those that the process ignores stay ignored."""
    interrupts = Interrupts()
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):  # None: not one of Python's.
                before[number] = signal.signal(number, interrupts.raise_stopped)
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
