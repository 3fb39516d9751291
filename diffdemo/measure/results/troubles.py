"""What goes wrong with single pictures of an evaluation: said when it happens, counted at the end, fatal to nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from diffdemo.errors import DiffDemoError
from diffdemo.measure.results.lines import Row
from diffdemo.measure.results.picture import Sheet
from diffdemo.measure.tables import counted
from diffdemo.pictures.folder import require_picture_file


class Troubles:
    """Reports on standard error, and goes on."""

    def __init__(self) -> None:
        self._entries = 0
        self._measurements = 0

    def sheet_of(self, path: Path, known: Sequence[Row]) -> Sheet | None:
        """A picture with its lines; None if it cannot be read."""
        try:
            require_picture_file(path)
            return Sheet.of_file(path, known)
        except Exception as error:
            self._entries += 1
            say(f"left out: {reason_of(error)}")
            return None

    def rows_of(self, rows: Iterable[Row], picture: str, codec: str) -> Iterator[Row]:
        """What a codec makes of a picture, each line measured when it is asked for, until it is done or fails."""
        try:
            yield from rows
        except Exception as error:
            self.failed(picture, codec, reason_of(error))

    def failed(self, picture: str, codec: str, reason: str) -> None:
        """Say that one measurement came to nothing."""
        self._measurements += 1
        say(f"{picture} is left out for {codec}: {reason}")

    def report(self) -> None:
        """Say how much is missing, if anything is."""
        if self._entries:
            say(f"{counted(self._entries, 'entry', 'entries')} of the folder could not be read")
        if self._measurements:
            say(f"{counted(self._measurements, 'measurement')} failed")


def say(text: str, start: str = "diffdemo: ") -> None:
    """One line on standard error, whatever names of files may hold."""
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    print(start + line, file=sys.stderr, flush=True)


def reason_of(error: Exception) -> str:
    """What went wrong, in words."""
    if isinstance(error, DiffDemoError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this."
    return f"{type(error).__name__}: {error}"
