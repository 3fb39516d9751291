"""What has been found out about a few pictures, by their PNG files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from cachetools import LRUCache

T = TypeVar("T")


class PerPicture(Generic[T]):
    """Something for each picture; the one that was asked for longest ago makes room."""

    def __init__(self, most: int) -> None:
        self._found: LRUCache[bytes, T] = LRUCache(most)
        self._lock = Lock()

    def of(self, png: bytes, begin: Callable[[], T]) -> T:
        """What is known of a picture; what `begin` gives where nothing is."""
        key = hashlib.sha256(png).digest()
        with self._lock:
            if key not in self._found:
                self._found[key] = begin()
            return self._found[key]

    def known(self, png: bytes) -> T | None:
        """What is known of a picture; None where nothing is."""
        with self._lock:
            return self._found.get(hashlib.sha256(png).digest())
