"""A batch in a few numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diffdemo.engine.batch.compress import Outcome
from diffdemo.metrics.registry import BASE, Values, When, until


@dataclass(frozen=True, slots=True)
class Means:
    """Averages over the pictures of a batch that became files.

    Attributes:
        files, errors: how many pictures became a file, and how many did not.
        num_bytes: of all files together.
        bpp, values, seconds: means, of values by names of metrics; None where no picture has the value. Lossless files,
            whose PSNR is infinite, do not count for PSNR.
        rivals: how many pictures have a JPEG of at most as many bytes, both with a finite PSNR.
        jpeg_bpp, jpeg_psnr_db: means of these JPEG files; None where there are none.
        paired_bpp, paired_psnr_db: means of our own files of the same pictures. These are what JPEG's may be compared
            with: it is missing where pictures are hardest, and means of other pictures say nothing about a difference.
        over_jpeg_db: how much more PSNR our own files have, mean over the same pictures.
    """

    files: int
    errors: int
    num_bytes: int
    bpp: float | None
    values: Values
    seconds: float | None
    rivals: int
    jpeg_bpp: float | None
    jpeg_psnr_db: float | None
    paired_bpp: float | None
    paired_psnr_db: float | None
    over_jpeg_db: float | None

    @property
    def psnr_db(self) -> float | None:
        """Of all files."""
        return self.values.get(BASE)


def means(outcomes: Sequence[Outcome]) -> Means:
    """Average what there is so far."""
    files = [outcome for outcome in outcomes if not outcome.error]
    pairs = [
        (outcome.point, outcome.jpeg) for outcome in files if outcome.point and outcome.jpeg and outcome.jpeg.is_finite
    ]
    return Means(
        files=len(files),
        errors=len(outcomes) - len(files),
        num_bytes=sum(outcome.num_bytes for outcome in files),
        bpp=_mean(outcome.bpp for outcome in files),
        values={name: _mean(outcome.values.get(name) for outcome in files) for name in until(When.REST)},
        seconds=_mean(outcome.seconds for outcome in files),
        rivals=len(pairs),
        jpeg_bpp=_mean(jpeg.bpp for _, jpeg in pairs),
        jpeg_psnr_db=_mean(jpeg.psnr_db for _, jpeg in pairs),
        paired_bpp=_mean(own.bpp for own, _ in pairs),
        paired_psnr_db=_mean(own.psnr_db for own, _ in pairs),
        over_jpeg_db=_mean(own.psnr_db - jpeg.psnr_db for own, jpeg in pairs),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return sum(known) / len(known) if known else None
