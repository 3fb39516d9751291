"""Where networks run, and one computation there at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from diffdemo.errors import MemoryBudgetError

T = TypeVar("T")


def choose_device(name: str) -> torch.device:
    """Choose a device: "auto" takes a GPU if there is one; anything else is PyTorch's name of a device."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def describe_device(device: torch.device) -> str:
    """In words for people: 'CPU, 2 threads', or the name of the GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{device.type.upper()}, {threads} thread{'s' if threads != 1 else ''}"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of a GPU or of the computer, for which PyTorch has no exception of its own."""
    is_one = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return is_one or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error))


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
