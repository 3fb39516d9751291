"""What happens when the process is told to stop: unfinished files go, one line says so, the status is 128 + number.

Not by an exception: one that is raised while a library runs a callback or a destructor is reported there and forgotten,
or ends the process in a way that C++ announces.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}
"""What is said of each signal, by name; not every system has all of them."""

_duties: list[Callable[[], None]] = []
_words: list[str] = []


@contextlib.contextmanager
def duty(work: Callable[[], None]) -> Iterator[None]:
    """While the block runs, do this, quick and harmless work, if the process is told to stop."""
    _duties.append(work)
    try:
        yield
    finally:
        _duties.remove(work)


@contextlib.contextmanager
def undone(undo: Callable[[], None]) -> Iterator[None]:
    """While the block runs, do this if it fails or the process is told to stop."""
    with duty(undo):
        try:
            yield
        except BaseException:
            with contextlib.suppress(OSError):
                undo()
            raise


@contextlib.contextmanager
def last_words(text: str) -> Iterator[None]:
    """While the block runs, add this to the line that is said."""
    _words.append(text)
    try:
        yield
    finally:
        _words.remove(text)


def heed() -> None:
    """From now on, stop as told, unless whoever started the process has it ignore a signal."""
    for number in _known():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    for other in _known():
        signal.signal(other, signal.SIG_IGN)
    for work in reversed(_duties):
        with contextlib.suppress(Exception):
            work()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    line = "; ".join([WORDS[signal.Signals(number).name], *_words])
    with contextlib.suppress(OSError):
        os.write(2, f"diffdemo: {line}\n".encode())
    os._exit(128 + number)


def _known() -> list[signal.Signals]:
    return [getattr(signal, name) for name in WORDS if hasattr(signal, name)]
