"""How many bytes a half of the stage gets: as many as the file, or a rate of its own, in words that can be typed."""

from __future__ import annotations

import re

from diffdemo.ui.errors import refusal

EQUAL = ""
"""As many bytes as the file."""
AS_THE_FILE = "equal bytes"
RATES = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Bits per pixel that are offered; any other can be typed."""
MAX_BPP = 24
_NUMBER = re.compile(r"(\d+(?:[.,]\d+)?|\.\d+|\d{1,3}(?:,\d{3})+)\s*(bpp|bytes?)?", re.IGNORECASE)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+")


def choices() -> list[tuple[str, str]]:
    """What is offered: words and value."""
    return [(AS_THE_FILE, EQUAL), *((_in_words(rate), _in_words(rate)) for rate in RATES)]


def num_bytes(words: str, *, equal: int, num_pixels: int) -> int:
    """Bytes for a choice such as "0.5 bpp", "0.5" or "12000 bytes"; "" for as many as the file.

    Raises:
        gr.Error: if they say neither.
    """
    words = words.strip()
    if words in (EQUAL, AS_THE_FILE):
        return equal
    found = _NUMBER.fullmatch(words)
    value, unit = (_number(found[1]), (found[2] or "bpp").lower()) if found else (0.0, "")
    most = MAX_BPP if unit == "bpp" else MAX_BPP * num_pixels / 8
    asked = int(value * num_pixels / 8) if unit == "bpp" else int(value)
    if asked < 1 or value > most:
        raise refusal(
            f"“{words}” is no rate here. Please write bits per pixel up to {MAX_BPP}, such as 0.5, or bytes, such as "
            "12000 bytes."
        )
    return asked


def _in_words(rate: float) -> str:
    return f"{rate:g} bpp"


def _number(digits: str) -> float:
    """A comma between groups of three digits means nothing, any other is a decimal point."""
    return float(digits.replace(",", "" if _GROUPED.fullmatch(digits) else "."))
