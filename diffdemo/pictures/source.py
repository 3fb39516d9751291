"""From a path to bytes: of ordinary files only, and not of endless ones."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from diffdemo.errors import ImageError

MAX_FILE_BYTES = 256 << 20
"""The longest file that is read: an uncompressed picture of 80 megapixels."""
MAX_SHOWN_NAME = 80

_WORDS = {errno.ELOOP: "its links lead in a circle", errno.ENAMETOOLONG: "its name is too long"}


def name_of(source: Path | str | bytes) -> str:
    """What a message calls a picture: the file's name without its folders, in one line."""
    if isinstance(source, bytes):
        return "The file"
    name = "".join(letter if letter.isprintable() else "?" for letter in Path(source).name)
    return f"'{name if len(name) <= MAX_SHOWN_NAME else name[: MAX_SHOWN_NAME - 1] + '…'}'"


def read_source(source: Path | str | bytes) -> bytes:
    """The bytes of a picture file.

    Raises:
        ImageError: if it cannot be opened, is no regular file, is empty, or has more than `MAX_FILE_BYTES`.
    """
    name = name_of(source)
    data = source if isinstance(source, bytes) else _read_path(Path(source), name)
    if not data:
        raise ImageError(f"{name} is empty (0 bytes).")
    _require_length(len(data), name)
    return data


def _require_length(num_bytes: int, name: str) -> None:
    if num_bytes > MAX_FILE_BYTES:
        raise ImageError(
            f"{name} is longer than {MAX_FILE_BYTES >> 20} MB, which is the most that is read. Please make the "
            "picture smaller first."
        )


def _read_path(path: Path, name: str) -> bytes:
    """At most one byte more than may be, so that the caller can tell of a file that grows."""
    try:
        _require_regular(os.stat(path).st_mode, name)  # Opening a device may already do something.
        # A pipe that took the file's place meanwhile must not make the opening wait.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            _require_regular(found.st_mode, name)
            _require_length(found.st_size, name)
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ImageError(
            f"Cannot read {name}: {_WORDS.get(error.errno or 0, error.strerror or 'no reason given')}."
        ) from error
    except ValueError as error:
        raise ImageError(f"Cannot read {name}: a file's name has no NUL character in it.") from error


def _require_regular(mode: int, name: str) -> None:
    if stat.S_ISDIR(mode):
        raise ImageError(f"Cannot read {name}: it is a directory. Please choose a picture file.")
    if not stat.S_ISREG(mode):
        raise ImageError(f"Cannot read {name}: it is not an ordinary file. Please choose a picture file.")
