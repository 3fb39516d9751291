"""How far one run of a network has come, told between its layers; the place where it can be ended early."""

from __future__ import annotations

from collections.abc import Callable

Heed = Callable[[float], None]
"""Is told the share of the work that is done, above 0 to 1. What it raises ends the work."""


def nobody(share: float) -> None:
    """Listen to nothing."""


class Progress:
    """Counts layers.

    Args:
        layers: that there will be.
        heed: who is told.
    """

    def __init__(self, layers: int, heed: Heed) -> None:
        self._layers, self._heed, self._done = layers, heed, 0

    def layer_done(self) -> None:
        """Count one more, and tell."""
        self._done += 1
        self._heed(self._done / self._layers)
