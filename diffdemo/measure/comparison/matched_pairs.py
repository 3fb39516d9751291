"""Two codecs by pairs of files that are about equally good, with nothing interpolated between files.

A check on BD-rates: where both methods agree, no interpolation or average made the difference. The idea is that of
codec-compare (github.com/webmproject/codec-compare), which compares similarly encoded pictures rather than means.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diffdemo.measure.comparison.delta_rate import Pictures, comparable
from diffdemo.measure.comparison.intervals import Interval, mean_interval
from diffdemo.metrics.points import CurvePoint
from diffdemo.plain_text import aligned

TOLERANCE_DB = 0.25
"""How far apart in PSNR two files of a pair may be; to either side, so that it cancels over many pairs."""
HEAD = ("matched pairs", "pairs", "pictures", "bytes", "better in", "PSNR dB")


@dataclass(frozen=True, slots=True)
class MatchedPairs:
    """Pairs of files of the same pictures.

    Attributes:
        ratios: of each picture that has a pair, bytes of `tested` over bytes of `anchor`: geometric means.
        better: pairs in which `tested` is smaller.
        count: pairs in all.
        difference_db: mean PSNR of `tested` less that of `anchor`, over all pairs.
    """

    anchor: str
    tested: str
    ratios: Mapping[str, float]
    better: int
    count: int
    difference_db: float

    @property
    def mean(self) -> Interval:
        """Difference in bytes in percent over the pictures, of which there must be one."""
        return mean_interval([100 * (ratio - 1) for ratio in self.ratios.values()])


def matched_pairs(curves: Mapping[str, Pictures], anchor: str, tested: str) -> MatchedPairs | None:
    """Compare two of the codecs; None if no two files of theirs are about equally good."""
    ratios: dict[str, float] = {}
    found: list[tuple[CurvePoint, CurvePoint]] = []
    for picture, points in curves.get(tested, {}).items():
        pairs = list(_pairs(curves.get(anchor, {}).get(picture, ()), points))
        if pairs:
            ratios[picture] = math.exp(np.mean([math.log(ours.bpp / theirs.bpp) for theirs, ours in pairs]))
            found += pairs
    if not found:
        return None
    better = sum(ours.bpp < theirs.bpp for theirs, ours in found)
    difference = float(np.mean([ours.psnr_db - theirs.psnr_db for theirs, ours in found]))
    return MatchedPairs(anchor, tested, ratios, better, len(found), difference)


def _pairs(anchor: Sequence[CurvePoint], tested: Sequence[CurvePoint]) -> Iterator[tuple[CurvePoint, CurvePoint]]:
    """Pairs of a picture's files, the nearest in PSNR first; each file is in one of them at most."""
    theirs, ours = comparable(anchor), comparable(tested)
    distances = sorted((abs(a.psnr_db - b.psnr_db), i, j) for i, a in enumerate(theirs) for j, b in enumerate(ours))
    taken: tuple[set[int], set[int]] = set(), set()
    for distance, i, j in distances:
        if distance > TOLERANCE_DB:
            return
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            yield theirs[i], ours[j]


def pairs_table(found: Sequence[MatchedPairs]) -> Iterator[str]:
    """A row for each two codecs; nothing without any."""
    if not found:
        return
    yield (
        f"Matched pairs: files of a picture within {TOLERANCE_DB} dB of each other, nothing interpolated; bytes are "
        "geometric means of each picture, then the mean over pictures [95 % bootstrap interval over pictures]"
    )
    yield from aligned([HEAD, *map(_cells, found)])


def _cells(pairs: MatchedPairs) -> tuple[str, ...]:
    return (
        f"{pairs.tested} against {pairs.anchor}",
        str(pairs.count),
        str(len(pairs.ratios)),
        pairs.mean.text("+.1f", " %"),
        f"{pairs.better} of {pairs.count}",
        f"{pairs.difference_db:+.3f}",
    )
