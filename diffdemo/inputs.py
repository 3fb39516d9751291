"""Compressed files from paths: ordinary ones only, and no more of them than such a file can have."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from diffdemo.errors import BitstreamError

MAX_FILE_BYTES = 1 << 24
"""More than any file of the format: header and payload."""


def read_file(path: Path) -> bytes:
    """The bytes of a compressed file.

    Raises:
        BitstreamError: it is no ordinary file, or too large for one of ours.
        OSError: it cannot be opened.
    """
    try:
        _require_ordinary(path, os.stat(path).st_mode)  # To open a device may already do something.
        # A pipe that took the file's place meanwhile must not make the opening wait.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:
            _require_ordinary(path, os.fstat(file.fileno()).st_mode)
            data = file.read(MAX_FILE_BYTES + 1)
    except ValueError:
        raise BitstreamError(f"The name '{path}' has a NUL character in it, which no file has.") from None
    if len(data) > MAX_FILE_BYTES:
        raise BitstreamError(f"'{path}' is larger than any file of diffdemo ({MAX_FILE_BYTES:,} bytes).")
    return data


def _require_ordinary(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise BitstreamError(f"'{path}' is a folder; please name a file.")
    if not stat.S_ISREG(mode):
        raise BitstreamError(f"'{path}' is not an ordinary file; to read what comes through a pipe, name it -.")
