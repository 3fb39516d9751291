"""Curves of rate and distortion: of the steps of one embedded file, or of a file for each rate."""

from __future__ import annotations

from collections.abc import Iterator

from diffdemo.codecs.base import Codec
from diffdemo.engine.decode_cache import Trace
from diffdemo.images import Pixels, to_pixels
from diffdemo.metrics.distortion import bits_per_pixel, ms_ssim, psnr_db
from diffdemo.metrics.lpips import lpips
from diffdemo.metrics.points import CurvePoint

MS_SSIM_POINTS = 12


def curve_of_files(codec: Codec, pixels: Pixels) -> Iterator[CurvePoint]:
    """A point for each of the files that a codec writes of a picture, decoded as quickly as makes sense.

    Args:
        codec: with its model.
        pixels: uint8 [H,W,3].

    Raises:
        ImageError: no picture, or too large a one.
    """
    height, width = pixels.shape[:2]
    for data in codec.files(pixels, ()):
        *_, last = codec.decode(data, codec.quickest)
        picture = to_pixels(last.image)
        yield CurvePoint(
            num_bytes=len(data),
            bpp=bits_per_pixel(len(data), width, height),
            psnr_db=psnr_db(pixels, picture),
            ms_ssim=ms_ssim(pixels, picture),
            lpips=lpips(pixels, picture),
        )


def curve_of_trace(trace: Trace) -> list[CurvePoint]:
    """A point for each step that is known of a file, if its original is.

    MS-SSIM takes longer than it takes to look at a plot: it is measured at a dozen of the points.
    """
    if trace.original is None:
        return []
    stride = -(-len(trace.moments) // MS_SSIM_POINTS)
    for moment in trace.moments[::-1][::stride]:
        if moment.number not in trace.ms_ssim:
            trace.ms_ssim[moment.number] = ms_ssim(trace.original, moment.pixels)
    height, width = trace.original.shape[:2]
    return [
        CurvePoint(m.num_bytes, bits_per_pixel(m.num_bytes, width, height), m.psnr_db, trace.ms_ssim.get(m.number))
        for m in trace.moments
        if m.psnr_db is not None
    ]
