"""How far a download is, how fast, and whether it is still wanted."""

from __future__ import annotations

import threading
import time
from collections import deque

from diffdemo.errors import Cancelled
from diffdemo.hub.records import DownloadProgress

WINDOW = 5.0
"""Seconds over which speed is measured: long enough to be steady, short enough to notice a stall."""
LEAST = 0.2
"""Seconds after which there is a speed at all."""


class Meter:
    """Counts the bytes of a model. One thread counts, others read and may cancel.

    Args:
        total_bytes: that are expected, as long as nobody knows better.
    """

    def __init__(self, model: str, total_bytes: int) -> None:
        self._model = model
        self._file = ""
        self._total = total_bytes
        self._here = 0
        self._received = 0
        self._samples: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._lock = threading.Lock()
        self._cancelled = threading.Event()

    def expect(self, total_bytes: int) -> None:
        """Say how many bytes there are in all."""
        with self._lock:
            self._total = total_bytes

    def begin(self, file: str) -> None:
        """Say which file comes next; "" for none.

        Raises:
            Cancelled: if nobody wants it any more.
        """
        self.check()
        with self._lock:
            self._file = file

    def found(self, num_bytes: int) -> None:
        """Count bytes that were here already; negative for some that have to come again."""
        with self._lock:
            self._here += num_bytes

    def received(self, num_bytes: int) -> None:
        """Count bytes that have just come."""
        with self._lock:
            self._here += num_bytes
            self._received += num_bytes
            self._sample()

    def cancel(self) -> None:
        """Stop the download at the next piece."""
        self._cancelled.set()

    def pause(self, seconds: float) -> None:
        """Wait, unless it is cancelled meanwhile.

        Raises:
            Cancelled: then.
        """
        self._cancelled.wait(seconds)
        self.check()

    def check(self) -> None:
        """Do nothing.

        Raises:
            Cancelled: if nobody wants it any more.
        """
        if self._cancelled.is_set():
            raise Cancelled(f"The download of '{self._model}' was stopped.")

    def progress(self, *, done: bool = False) -> DownloadProgress:
        """This moment."""
        with self._lock:
            self._sample()
            if done:
                return DownloadProgress(self._model, "", self._total, self._total, self._speed(), 0.0, done=True)
            speed = self._speed()
            left = max(0, self._total - self._here) / speed if speed else None
            return DownloadProgress(self._model, self._file, self._here, self._total, speed, left, done=False)

    def _sample(self) -> None:
        """Remember where we are, seldom enough that memory does not grow, and forget what is too old."""
        now = time.monotonic()
        if now - self._samples[-1][0] >= LEAST:
            self._samples.append((now, self._received))
        while len(self._samples) > 2 and now - self._samples[1][0] > WINDOW:
            self._samples.popleft()

    def _speed(self) -> float | None:
        began, before = self._samples[0]
        seconds = time.monotonic() - began
        return (self._received - before) / seconds if seconds >= LEAST and self._received else None
