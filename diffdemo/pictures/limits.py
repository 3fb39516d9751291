"""How large a picture in a file may be, and how many large ones are unpacked at a time."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from diffdemo.errors import ImageError

MAX_FILE_PIXELS = 100_000_000
"""Pictures beyond this are refused before their pixels are unpacked, unless the environment says another number."""
MAX_FILE_PIXELS_VARIABLE = "DIFFDEMO_MAX_FILE_PIXELS"
MAX_DRAFT_FACTOR = 3
"""JPEG can be unpacked at a half, a quarter or an eighth of its size; so many times more pixels are then welcome."""
COSTLY_FACTOR = 0.5
"""The decoders of WebP and AVIF hold a picture two or three times over; they get so many times the pixels."""
MAX_FILE_SIDE = 1_000_000
"""No format can be read in less than a row."""
MAX_WHOLE_BYTES = 400_000_000
"""Memory for the values of a picture that cannot be read strip by strip."""
LARGE_PIXELS = 8_000_000
"""Larger pictures wait for each other, so that many uploads at once need no more memory than one."""

_turn = threading.Lock()


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a reader.

    Attributes:
        name: of the file, as sentences begin with it.
        most_pixels: a larger picture is to be made smaller on the way; None for every picture as it is.
    """

    name: str
    most_pixels: int | None = None

    def admit(self, width: int, height: int, factor: float = 1) -> None:
        """Check a claimed size before pixels are unpacked; `factor` times the usual number of them is welcome.

        Raises:
            ImageError: if it has no pixels or too many.
        """
        if width < 1 or height < 1:
            raise ImageError(f"{self.name} is damaged or incomplete: it claims {width} x {height} pixels.")
        most = int(max_file_pixels() * factor)
        if width * height > most:
            raise ImageError(
                f"{self.name} has {width} x {height} pixels; at most {most:,} can be read. "
                "Please make it smaller first."
            )
        if max(width, height) > MAX_FILE_SIDE:
            raise ImageError(
                f"{self.name} has {width} x {height} pixels; a side of at most {MAX_FILE_SIDE:,} can be read. "
                "Please cut it first."
            )

    def admit_whole(self, num_bytes: int, reason: str) -> None:
        """Check the bytes of a picture that is unpacked as a whole, for a reason that messages give.

        Raises:
            ImageError: if it is too much.
        """
        if num_bytes > MAX_WHOLE_BYTES:
            raise ImageError(
                f"{self.name} takes {num_bytes / 1e6:,.0f} MB when it is unpacked, and {reason}; at most "
                f"{MAX_WHOLE_BYTES / 1e6:,.0f} MB can be read like that. Please make it smaller, or save it as JPEG."
            )


def max_file_pixels() -> int:
    """The limit that holds: of the environment, or `MAX_FILE_PIXELS`.

    Raises:
        ImageError: if the environment names no number above zero.
    """
    text = os.environ.get(MAX_FILE_PIXELS_VARIABLE, "").strip()
    if not text:
        return MAX_FILE_PIXELS
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 18 and int(text) > 0):
        raise ImageError(
            f"{MAX_FILE_PIXELS_VARIABLE} is '{text[:40]}'; expected a whole number of pixels above 0, such as "
            f"{MAX_FILE_PIXELS}. Please correct or remove this environment variable."
        )
    return int(text)


@contextlib.contextmanager
def turn_of(width: int, height: int) -> Iterator[None]:
    """Wait until no other large picture is being unpacked; small ones do not wait."""
    if width * height <= LARGE_PIXELS:
        yield
        return
    with _turn:
        yield
