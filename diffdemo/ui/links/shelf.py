"""What links lead to that is too long for them: files and their originals, for a day, in memory."""

from __future__ import annotations

import base64
import hashlib
from threading import Lock

from cachetools import TTLCache

from diffdemo.ui.memory.session import Session

SECONDS = 24 * 3600
BYTES = 256_000_000
"""Of all together; who was asked for longest ago makes room."""


def size_of(session: Session) -> int:
    """Bytes of its pictures and its file."""
    return len(session.source) + len(session.original) + len(session.data)


class Shelf:
    """Sessions by names that nobody can guess who does not have what is in them."""

    def __init__(self) -> None:
        self._kept: TTLCache[str, Session] = TTLCache(BYTES, SECONDS, getsizeof=size_of)
        self._lock = Lock()

    def put(self, session: Session, data: bytes) -> str:
        """Keep the picture of a session with a file; gives the name."""
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
            self._kept[name] = kept
        return name

    def get(self, name: str) -> Session | None:
        """What was kept under a name, if it still is."""
        with self._lock:
            return self._kept.get(name)
