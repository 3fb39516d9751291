"""One computation on the device at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from diffdemo.engine.hardware.device import is_out_of_memory
from diffdemo.errors import MemoryBudgetError

T = TypeVar("T")


class DeviceLock:
    """Held while something is computed and released while a picture travels, so that users advance side by side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def computing(self) -> Iterator[None]:
        """The device, alone.

        Raises:
            MemoryBudgetError: its memory did not suffice.
        """
        try:
            with self._lock:
                yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise MemoryBudgetError(
                "The device ran out of memory. Please choose a smaller picture, or a smaller model."
            ) from error

    def each(self, work: Iterator[T]) -> Iterator[T]:
        """The items of an iterator, each computed under the lock, which is free while an item is looked at."""
        end = object()
        while True:
            with self.computing():
                item = next(work, end)
            if item is end:
                return
            yield item  # type: ignore[misc]
