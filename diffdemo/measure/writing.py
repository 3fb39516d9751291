"""Text files that an evaluation leaves behind, and what is said where one cannot be written."""

from __future__ import annotations

from pathlib import Path

from diffdemo.atomic import replacing
from diffdemo.errors import DiffDemoError


def write_text(path: Path, text: str) -> Path:
    """Write a file, whole or not at all, and its folder if there is none; line ends stay as they are.

    Raises:
        DiffDemoError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise cannot_write(path, error.strerror or str(error)) from error
    return path


def cannot_write(path: Path, why: str) -> DiffDemoError:
    """What to say about a place that does not take a file."""
    return DiffDemoError(f"Cannot write '{path}': {why}. Please name another place.")
