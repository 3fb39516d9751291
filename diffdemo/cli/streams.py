"""Standard input and output: what `-` stands for, and what to do where somebody has closed them."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from diffdemo.errors import DiffDemoError

STANDARD = Path("-")
"""In place of a file's name: standard input or output."""


def place(text: str) -> Path:
    """A name from the command line: `STANDARD` for "-", and for "./-" the file that is called so."""
    path = Path(text)
    return path.absolute() if path == STANDARD and text != "-" else path


@contextlib.contextmanager
def all_open() -> Iterator[None]:
    """Let standard streams that were closed before the process began lead nowhere while the block runs.

    Otherwise the next file that is opened would take a closed one's number, and receive what was meant for it.
    """
    with contextlib.ExitStack() as opened:
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            if getattr(sys, name) is None:
                setattr(sys, name, opened.enter_context(open(os.devnull, mode, encoding="utf-8")))
                opened.callback(setattr, sys, name, None)
        yield


def read_input(most: int) -> bytes:
    """All that comes in, of at most `most` bytes.

    Raises:
        DiffDemoError: it is more, or a person would have to type it.
    """
    if sys.stdin.isatty():
        raise DiffDemoError("Standard input is a terminal; please send a file there, or name one in place of -.")
    data = sys.stdin.buffer.read(most + 1)
    if len(data) > most:
        raise DiffDemoError(f"Standard input brings more than {most:,} bytes, which is the most that is read.")
    return data


def require_binary_output() -> None:
    """Check that standard output can take a file.

    Raises:
        DiffDemoError: it is a terminal, or closed.
    """
    if sys.stdout.isatty():
        raise DiffDemoError("Standard output is a terminal; please send it to a file, or name one in place of -.")
    if getattr(sys.stdout, "name", None) == os.devnull:  # It only stands in for one.
        raise DiffDemoError("Standard output is closed; please name a file in place of -.")


def write_output(data: bytes) -> None:
    """Send a file to standard output.

    Raises:
        OSError: if nobody takes it, or the disk is full.
    """
    try:
        sys.stdout.flush()
        rest = memoryview(data)
        while rest:
            # Where Python does not buffer (PYTHONUNBUFFERED), a part may be all that is taken at a time.
            taken = sys.stdout.buffer.write(rest)
            if taken is None:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            rest = rest[taken:]
        sys.stdout.buffer.flush()
    except OSError as error:
        error.filename = "Standard output"
        raise


def silence_if_stuck(stream: TextIO) -> None:
    """Forget what a stream cannot get rid of, so that it does not fail again when the process ends."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
