"""The results file of an evaluation: lines of JSON that are only ever appended to.

A line is written in one piece, so that a run that was killed leaves at most its last line torn, and two runs into one
file do not mix theirs. Anything that is not such a file is refused before the work begins and stays as it is.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

from diffdemo.errors import DiffDemoError
from diffdemo.measure.results.lines import Row, fault

START = b'{"picture"'
"""How every line begins."""
PROBE_BYTES = 4096
"""Written to a file without a name, to find out before the work whether there is room for lines."""
PADDING = b"\0\t\r "
"""Around lines: of other systems, or what a file system leaves after a loss of power."""


class ResultsFile:
    """What has been measured so far, and a place for more.

    Args:
        path: of the file. One that does not exist is made when the first line is written.

    Attributes:
        rows: its lines, those that were appended since included. Numbers that are not finite are None.
        torn: how many lines were cut off while they were written; they are left out.

    Raises:
        DiffDemoError: if it cannot be read and written, or is anything but a results file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[Row] = []
        self.torn = 0
        try:
            self._require_place()
            lines = self._content().split(b"\n")
        except OSError as error:
            raise self._trouble(error) from error
        for number, line in enumerate(lines, start=1):
            if text := line.strip(PADDING):
                self._take(text, number)
        if self.torn and not self.rows and not any(line.startswith(START) for line in lines):
            raise self._refusal("line 1 is not JSON")

    def append(self, row: Row) -> None:
        """Write a line, and begin with a new one if the last has no end. Numbers that are not finite become null.

        Raises:
            DiffDemoError: if it cannot be written.
        """
        row = finite(row)
        line = json.dumps(row, allow_nan=False).encode() + b"\n"
        try:
            with self.path.open("ab+", buffering=0) as file:
                if file.seek(0, os.SEEK_END) > 0:
                    file.seek(-1, os.SEEK_END)
                    line = line if file.read(1) == b"\n" else b"\n" + line
                written = file.write(line)
                if written < len(line):  # The disk has become full; the next attempt says why.
                    file.write(line[written:])
        except OSError as error:
            raise self._trouble(error, " What was measured before is kept.") from error
        self.rows.append(row)

    def _require_place(self) -> None:
        folder = self.path.parent
        if self.path.exists():
            if not self.path.is_file():
                raise DiffDemoError(f"The output '{self.path}' is not a regular file; please name a file for results.")
            with self.path.open("ab"):  # Whether it may be written.
                return
        if not folder.is_dir():
            raise DiffDemoError(f"There is no folder '{folder}'; please make it, or name another output.")
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            probe.write(bytes(PROBE_BYTES))

    def _content(self) -> bytes:
        if not self.path.exists():
            return b""
        with self.path.open("rb") as file:
            first = file.read(64).lstrip()
            if first and not first.startswith(b"{"):  # Nobody wants to wait for gigabytes of something else.
                raise self._refusal("it does not begin with a line of JSON")
            file.seek(0)
            return file.read()

    def _take(self, line: bytes, number: int) -> None:
        try:
            row = finite(json.loads(line))
        except (ValueError, RecursionError):
            if not (line.startswith(START) or START.startswith(line)):
                raise self._refusal(f"line {number} is not JSON") from None
            self.torn += 1
            return
        if reason := fault(row):
            raise self._refusal(f"line {number}: {reason}")
        self.rows.append(row)

    def _refusal(self, reason: str) -> DiffDemoError:
        return DiffDemoError(
            f"'{self.path}' is not a results file of evaluate ({reason}), and nothing was written to it. "
            "Please name another file."
        )

    def _trouble(self, error: OSError, more: str = "") -> DiffDemoError:
        return DiffDemoError(f"Cannot read or write '{self.path}': {error.strerror or error}.{more}")


def finite(value: Any) -> Any:
    """A copy of what JSON can hold, with None for every number that is not finite: JSON has no word for these."""
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
