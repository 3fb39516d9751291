"""All metrics of sets of pictures: what is kept of each picture, and what is computed from that of all of them.

A metric of one picture beside its original is in `metrics.registry`. To add one of sets, enter it in `SET_METRICS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from diffdemo.images import Pixels
from diffdemo.metrics.sets import inception, realism
from diffdemo.metrics.sets.patches import Distance, Features


@dataclass(frozen=True, slots=True)
class Description:
    """What is said of a picture.

    Attributes:
        name: in results files.
        serves: what is computed from it, in words.
        numbers: of each patch.
        describe: a picture, uint8 [H,W,3], to numbers of its patches.
        missing: why that cannot be done here, in a sentence; "" if it can.
        how_to_get: commands that bring what is missing.
    """

    name: str
    serves: str
    numbers: int
    describe: Callable[[Pixels], Features]
    missing: Callable[[], str] = lambda: ""
    how_to_get: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class SetMetric:
    """One metric, of which less is better.

    Attributes:
        label: what people call it.
        of: what it is computed from.
        distance: descriptions of originals and of pictures, as many in the same order, to a distance; None where there
            are too few.
        digits: format of a value.
    """

    label: str
    of: Description
    distance: Callable[[Sequence[Features], Sequence[Features]], Distance | None]
    digits: str


STATISTICS = Description("features", "realism", realism.FEATURES, realism.patch_features)
INCEPTION = Description(
    "inception", "FID and KID", inception.FEATURES, inception.patch_features, inception.missing, inception.HOW_TO_GET
)
DESCRIPTIONS = {description.name: description for description in (STATISTICS, INCEPTION)}
SET_METRICS = (
    SetMetric("realism", STATISTICS, realism.distance, ".3f"),
    SetMetric("FID", INCEPTION, inception.fid, ".2f"),
    SetMetric("KID", INCEPTION, inception.kid, ".5f"),
)


def available() -> list[Description]:
    """Those that can be made here."""
    return [description for description in DESCRIPTIONS.values() if not description.missing()]
