"""Files that are there whole, or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a free, hidden name beside `path` to write to; the file there takes its place when the block ends.

    If the block fails nothing of it is left, and what lay at `path` stays as it was.

    Raises:
        OSError: if the file cannot take its place.
    """
    partial = path.with_name(f".{secrets.token_hex(6)}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
