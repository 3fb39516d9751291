"""A reconstruction and the bytes that it took, as a point of a curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

from diffdemo.images import Pixels
from diffdemo.metrics.distortion import bits_per_pixel, ms_ssim, psnr_db


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of a rate-distortion curve, measured on 8-bit pixels and file bytes.

    Attributes:
        num_bytes: of the file.
        bpp: the same in bits per pixel of the picture.
        psnr_db, ms_ssim: against the original; None where a metric is undefined.
        lpips: the same, less is better; None where nobody has asked, or where its weights are not here.
    """

    num_bytes: int
    bpp: float
    psnr_db: float
    ms_ssim: float | None
    lpips: float | None = None

    @property
    def is_finite(self) -> bool:
        """Whether its PSNR is a number: it is infinite where the picture comes back exactly."""
        return math.isfinite(self.psnr_db)


def measured(original: Pixels, picture: Pixels, num_bytes: int) -> CurvePoint:
    """Rate and distortion of a picture, uint8 [H,W,3], that was decoded from so many bytes."""
    height, width = original.shape[:2]
    bpp = bits_per_pixel(num_bytes, width, height)
    return CurvePoint(num_bytes, bpp, psnr_db(original, picture), ms_ssim(original, picture))
