"""A reconstruction and the bytes that it took, as a point of a curve."""

from __future__ import annotations

from diffdemo.engine.records import CurvePoint
from diffdemo.images import Pixels
from diffdemo.metrics import bits_per_pixel, ms_ssim, psnr_db


def measured(original: Pixels, picture: Pixels, num_bytes: int) -> CurvePoint:
    """Rate and distortion of a picture, uint8 [H,W,3], that was decoded from so many bytes."""
    height, width = original.shape[:2]
    bpp = bits_per_pixel(num_bytes, width, height)
    return CurvePoint(num_bytes, bpp, psnr_db(original, picture), ms_ssim(original, picture))
