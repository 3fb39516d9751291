"""Curves of rate and distortion: of the steps of one embedded file, or of a file for each rate."""

from __future__ import annotations

from collections.abc import Iterator

from diffdemo.codecs.base import Codec
from diffdemo.engine.decode_cache import Trace
from diffdemo.images import Pixels, to_pixels
from diffdemo.metrics.distortion import bits_per_pixel
from diffdemo.metrics.points import CurvePoint, measured


def curve_of_files(codec: Codec, pixels: Pixels) -> Iterator[CurvePoint]:
    """A point for each of the files that a codec writes of a picture, decoded as quickly as makes sense.

    Args:
        codec: with its model.
        pixels: uint8 [H,W,3].

    Raises:
        ImageError: no picture, or too large a one.
    """
    for data in codec.files(pixels, ()):
        *_, last = codec.decode(data, codec.quickest)
        yield measured(pixels, to_pixels(last.image), len(data))


def curve_of_trace(trace: Trace) -> list[CurvePoint]:
    """A point for each step that is known of a file, if its original is.

    Metrics that take longer than it takes to look at a plot are measured at a dozen of the points.
    """
    if trace.original is None:
        return []
    trace.measure_few()
    height, width = trace.original.shape[:2]
    return [
        CurvePoint(m.num_bytes, bits_per_pixel(m.num_bytes, width, height), trace.at_rest.get(m.number, m.values))
        for m in trace.moments
    ]
