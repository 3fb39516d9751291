"""What links lead to that is too long for them: files and their originals, for a day, in memory."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from threading import Lock

from cachetools import TTLCache

from diffdemo.ui.memory.session import Session

SECONDS = 24 * 3600
BYTES = 256_000_000
"""Of all together."""


def size_of(session: Session) -> int:
    """Bytes of its pictures and its file."""
    return len(session.source) + len(session.original) + len(session.data)


class Shelf:
    """Sessions by names that nobody can guess who does not have what is in them.

    Where there is no more room, whoever takes most of it loses what was asked for longest ago: nobody can clear away
    what others have here.
    """

    def __init__(self) -> None:
        self._kept: TTLCache[str, Session] = TTLCache(BYTES, SECONDS, getsizeof=size_of)
        self._owners: dict[str, str] = {}  # by name, what was asked for longest ago first
        self._lock = Lock()

    def put(self, session: Session, data: bytes, owner: str = "") -> str:
        """Keep the picture of a session with a file; gives the name.

        Args:
            owner: from where it is asked for; what is here already stays with whoever brought it.
        """
        kept = Session(
            name=session.name,
            source=session.source,
            notes=session.notes,
            original=session.original,
            fit=session.fit,
            example=session.example,
            data=data,
        )
        parts = (kept.name.encode(), kept.source, kept.original, data)
        digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()
        name = base64.urlsafe_b64encode(digest[:18]).decode()
        with self._lock:
            self._kept.pop(name, None)
            owner = self._owners.pop(name, owner)
            self._make_room(size_of(kept))
            self._kept[name] = kept
            self._owners[name] = owner
        return name

    def get(self, name: str) -> Session | None:
        """What was kept under a name, if it still is."""
        with self._lock:
            found = self._kept.get(name)
            if found:
                self._owners[name] = self._owners.pop(name)
            return found

    def _make_room(self, num_bytes: int) -> None:
        self._kept.expire()
        self._owners = {name: owner for name, owner in self._owners.items() if name in self._kept}
        held: Counter[str] = Counter()
        for name, owner in self._owners.items():
            held[owner] += size_of(self._kept[name])
        while self._owners and self._kept.currsize + num_bytes > self._kept.maxsize:
            largest = max(held, key=held.__getitem__)
            gone = next(name for name, owner in self._owners.items() if owner == largest)
            held[largest] -= size_of(self._kept.pop(gone))
            del self._owners[gone]
