"""Cells of a summary's tables, and which pictures their means are over."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np


def mean(values: Sequence[float], digits: str) -> str:
    """Their mean in a format, or a dash."""
    return format(float(np.mean(values)), digits) if len(values) else "-"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 picture", "2 pictures"."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def comparable(pictures: Mapping[str, Collection[str]]) -> tuple[list[str], set[str]]:
    """Codecs whose means may stand in one table, and the pictures that all of them have.

    Means over different pictures differ for reasons that are no codec's. A codec joins the one with the most pictures
    unless it would leave the table with less than half of these.

    Args:
        pictures: of each codec; those without any are ignored.

    Returns:
        Codecs in the order of `pictures`, and pictures; nothing where there are none.
    """
    common: set[str] = set()
    names: set[str] = set()
    for name in sorted(pictures, key=lambda name: -len(pictures[name])):
        shared = common & set(pictures[name]) if names else set(pictures[name])
        if shared and 2 * len(shared) >= max(map(len, pictures.values())):
            common = shared
            names.add(name)
    return [name for name in pictures if name in names], common
