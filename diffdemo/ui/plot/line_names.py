"""Where to write the names of lines that end close to each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def apart(wanted: Sequence[float], *, gap: float, high: float) -> list[float]:
    """Heights as near to the wanted ones as a gap between them allows, none above `high`; in the same order."""
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    places = list(wanted)
    for below, above in pairwise(order):
        places[above] = max(places[above], places[below] + gap)
    highest = high
    for index in reversed(order):
        places[index] = min(places[index], highest)
        highest = places[index] - gap
    return places
