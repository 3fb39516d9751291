"""A file on its way: what has arrived lies on the disk, the hash of it in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

PIECE = 1 << 20


class Partial:
    """Bytes that are appended to a file, after those of an earlier attempt; `check` may raise between pieces."""

    def __init__(self, path: Path, check: Callable[[], None]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab+")
        self._digest = hashlib.sha256()
        self.num_bytes = 0
        try:
            for piece in _pieces(path, check):
                self._count(piece)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Partial:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def sha256(self) -> str:
        """Of all that has arrived, 64 hexadecimal digits."""
        return self._digest.hexdigest()

    def append(self, piece: bytes) -> None:
        """Add what comes next.

        Raises:
            OSError: if the disk is full.
        """
        self._file.write(piece)
        self._file.flush()  # Now, not at the end: whoever is killed keeps it.
        self._count(piece)

    def restart(self) -> None:
        """Forget everything."""
        self._file.truncate(0)
        self._digest = hashlib.sha256()
        self.num_bytes = 0

    def _count(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.num_bytes += len(piece)


def sha256_of(path: Path, check: Callable[[], None]) -> str:
    """Hash of a whole file, 64 hexadecimal digits; `check` is called between pieces and may raise."""
    digest = hashlib.sha256()
    for piece in _pieces(path, check):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(path: Path, check: Callable[[], None]) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            check()
            yield piece
