"""How long encodes take on this machine, learnt from those that ran."""

from __future__ import annotations


class Speed:
    """Seconds per pixel of the last encode; knows nothing until there was one, and then says so."""

    def __init__(self) -> None:
        self._seconds_per_pixel: float | None = None

    def note(self, num_pixels: int, seconds: float) -> None:
        """Learn from an encode that ended."""
        self._seconds_per_pixel = seconds / num_pixels

    def estimate(self, num_pixels: float) -> float | None:
        """Seconds for as many pixels, or None while nothing has been measured."""
        return None if self._seconds_per_pixel is None else self._seconds_per_pixel * num_pixels
