"""One download for everybody who waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from diffdemo.hub.fetch.progress import Meter
from diffdemo.hub.records import DownloadProgress

PERIOD = 0.2
"""Seconds between two moments that a watcher sees."""
FAREWELL = 1.0
"""Seconds that the last watcher waits for the work to notice that nobody wants it any more."""


class SharedDownload:
    """Work on a thread of its own that any number of callers watch; it ends with the last of them.

    Args:
        work: the download; it counts in the meter and stops when that says so.
    """

    def __init__(self, work: Callable[[Meter], None], meter: Meter) -> None:
        self._meter = meter
        self._watchers = 0
        self._failure: BaseException | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, args=(work,), name="download", daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether files may still change."""
        return self._thread.is_alive()

    def join(self) -> bool:
        """Count one more watcher, who then has to `watch`; the first one starts the work.

        Returns:
            Whether that was in time: a download that has ended or was given up takes no more.
        """
        with self._lock:
            is_new = self._thread.ident is None
            if not is_new and (self._watchers == 0 or self._ended.is_set()):
                return False
            self._watchers += 1
            if is_new:
                self._thread.start()
            return True

    def watch(self) -> Iterator[DownloadProgress]:
        """Moments of the download, the last one `done`; closing the iterator is losing interest.

        Raises:
            DiffDemoError: the reason why it failed.
        """
        try:
            yield self._meter.progress()
            while not self._ended.wait(PERIOD):
                yield self._meter.progress()
            if self._failure is not None:
                raise self._failure
            yield self._meter.progress(done=True)
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._watchers -= 1
            if self._watchers:
                return
            self._meter.cancel()
        self._thread.join(FAREWELL)

    def _run(self, work: Callable[[Meter], None]) -> None:
        try:
            work(self._meter)
        except BaseException as error:
            self._failure = error
        finally:
            self._ended.set()
