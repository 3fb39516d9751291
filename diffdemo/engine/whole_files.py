"""From CDC to frames: one file, one size; what grows is not the number of bytes but the number of denoising steps."""

from __future__ import annotations

from collections.abc import Iterator

from diffdemo.codecs.base import Decoder, Reconstruction, Rendering, Target
from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.cdc_step import CODES_AN_OCTAVE, UNIT_CODE
from diffdemo.engine.frames import FRAMES_A_SECOND, Pace, frame_of
from diffdemo.engine.records import Encoding, Frame
from diffdemo.images import Pixels, to_pixels
from diffdemo.metrics.points import CurvePoint, measured
from diffdemo.metrics.registry import When, measure, until

SWEEP_CODES = tuple(range(UNIT_CODE + 4 * CODES_AN_OCTAVE, UNIT_CODE - 1, -CODES_AN_OCTAVE // 2))
"""Quantisation steps from 16 down to 1 in half octaves: about 0.1 to 1 bit per pixel with the shipped model."""


def encode_whole(codec: Cdc, pixels: Pixels, target: Target) -> Iterator[Encoding]:
    """The file, with its quickest picture."""
    pace = Pace(FRAMES_A_SECOND)
    data = codec.encode(pixels, target)
    *_, frame = watch_whole(_quick(codec, data), Decoder.DETERMINISTIC, pixels, pace)
    yield Encoding(data, frame, done=True)


def watch_whole(
    steps: Iterator[Reconstruction], decoder: Decoder, reference: Pixels | None, pace: Pace
) -> Iterator[Frame]:
    """Frames of a decode: the clean picture that is expected after each denoising step, a few a second.

    The last one has the metrics that take longer.
    """
    for step in steps:
        done = step.step == step.num_steps
        if done or pace.is_due():
            picture = to_pixels(step.image)
            yield frame_of(
                picture,
                num_bytes=step.num_bytes,
                values=measure(reference, picture, until(When.REST if done else When.FRAME)),
                step=step.step,
                num_steps=step.num_steps,
                sigma=step.sigma,
                seconds=pace.seconds,
                decoder=decoder,
            )


def sweep_whole(codec: Cdc, pixels: Pixels) -> Iterator[CurvePoint]:
    """A point of the rate-distortion curve for each of `SWEEP_CODES`, by real files."""
    content = codec.analyse(pixels)
    for code in SWEEP_CODES:
        data = codec.write(content, code)
        *_, last = _quick(codec, data)
        yield measured(pixels, to_pixels(last.image), len(data))


def _quick(codec: Cdc, data: bytes) -> Iterator[Reconstruction]:
    return codec.decode(data, Rendering(steps=codec.model.quick_steps))
