"""What one call may ask for here: pictures are made smaller to fit, files that ask for more are refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image

from diffdemo.codecs.base import Codec, CodedPicture
from diffdemo.codecs.records import Preset, State, Target, Work
from diffdemo.codecs.rendering import Rendering
from diffdemo.engine.limits.work import Demand, Estimates, Limits, require_within
from diffdemo.engine.records import Fitted
from diffdemo.errors import WorkLimitError
from diffdemo.images import MAX_PIXELS, Pixels, fit_pixels, require_pixels
from diffdemo.models.spec import Kind, ModelSpec
from diffdemo.plain_text import duration

DECODE_ELSEWHERE = "On a computer of your own there is no such limit: python -m diffdemo decode FILE -o OUT.png"
LATENT_AREA = 1.5
"""Largest picture for a latent model, in squares of its native side: 768x512 for one that was trained on 512x512."""


class Allowance:
    """Limits, held against what work would take on this device, where `timed` tells what a call takes."""

    def __init__(self, limits: Limits, timed: Callable[[Callable[[], object]], float]) -> None:
        self._limits = limits
        self._estimates = Estimates(timed)

    def fit(self, pixels: Pixels, spec: ModelSpec) -> Fitted:
        """A picture as a model takes it, of at most as many pixels as are allowed.

        Raises:
            ImageError: if it is no picture.
        """
        smaller = fit_pixels(pixels, self._limits.pixels) if self._limits.pixels < MAX_PIXELS else pixels
        fitted = fit_picture(smaller, spec)
        if smaller is pixels:
            return fitted
        height, width = smaller.shape[:2]
        note = f"Made smaller, to {width} x {height}: at most {self._limits.pixels:,} pixels are compressed here."
        return Fitted(fitted.pixels, f"{note} {fitted.note}".strip())

    def shrink(self, fitted: Fitted, codec: Codec, target: Callable[[Pixels], Target], preset: Preset) -> Fitted:
        """A fitted picture that takes no longer to encode to a target, whatever its size, than a call may."""
        most = self._limits.seconds
        if most is None:
            return fitted

        def seconds_for(pixels: Pixels) -> float:
            height, width = pixels.shape[:2]
            return self._estimates.seconds(codec, codec.work_of_encode(width, height, target(pixels), preset), preset)

        seconds = left = seconds_for(fitted.pixels)
        if seconds <= most:
            return fitted
        smaller = fitted.pixels
        while left > most and smaller.size > 3:  # The padding of small pictures does not shrink with them.
            area = smaller.shape[0] * smaller.shape[1]
            smaller = fit_pixels(fitted.pixels, max(1, min(area - 1, int(area * most / left))))
            left = seconds_for(smaller)
        (height, width), (new_height, new_width) = fitted.pixels.shape[:2], smaller.shape[:2]
        note = (
            f"Made smaller, from {width} x {height} to {new_width} x {new_height} pixels: as it was, this would take "
            f"about {duration(seconds, at_most=True)} here, and one call may take {duration(most, at_most=True)}."
        )
        return Fitted(smaller, f"{fitted.note} {note}".strip())

    def of_encode(self, codec: Codec, pixels: Pixels, target: Target, preset: Preset, begun: bytes = b"") -> Demand:
        """What an encode will take, in no more time than one call may take.

        Args:
            begun: a file to go on with, whose preset counts. It is decoded first, as any that a stranger brings.

        Raises:
            BitstreamError: that is none of the codec's.
            WorkLimitError: it takes longer.
        """
        if begun:
            self.of_decode(codec, codec.coded(begun), Rendering())
            known = codec.describe(begun).facts.get("preset")
            preset = next((each for each in Preset if each == known), preset)
        height, width = pixels.shape[:2]
        return self._within(
            codec,
            codec.work_of_encode(width, height, target, preset),
            f"Compressing {width} x {height} pixels",
            "Please choose a smaller picture, fewer bits or a faster preset.",
            preset,
        )

    def of_files(self, codec: Codec, pixels: Pixels) -> Demand:
        """What it takes to write and decode all files of a curve, in no more time than one call may take.

        Raises:
            WorkLimitError: they take too long.
        """
        height, width = pixels.shape[:2]
        return self._within(
            codec,
            codec.work_of_files(width, height),
            f"A curve of files of {width} x {height} pixels",
            "Please choose a smaller picture.",
        )

    def of_decode(
        self, codec: Codec, coded: CodedPicture, rendering: Rendering, *, count: int = 1, start: State | None = None
    ) -> Demand:
        """What it takes to decode a file so many times, from its beginning in no more time than one call may take.

        Args:
            start: from where it really will be decoded; the limit does not depend on what is remembered.

        Raises:
            RateError: a decoder of another codec.
            WorkLimitError: it is too large, or would take too long.
        """
        codec.decoder_of(rendering)
        work = coded.work(rendering)
        width, height = coded.size
        if width * height > self._limits.pixels:
            raise WorkLimitError(
                f"The file holds {width} x {height} pixels; at most {self._limits.pixels:,} are decoded "
                f"here. {DECODE_ELSEWHERE}"
            )
        times = f"{count} times " if count > 1 else ""
        whole = self._within(
            codec,
            Work(work.pixels, count * work.evaluations),
            f"Decoding this file {times}({work.evaluations} evaluations of the network, {width} x {height} pixels)",
            DECODE_ELSEWHERE,
        )
        rest = coded.work(rendering, start).evaluations / work.evaluations if start else 1.0
        return replace(whole, seconds=whole.seconds * rest)

    def seconds(self, codec: Codec, work: Work, preset: Preset) -> float:
        """How long work will take here."""
        return self._estimates.seconds(codec, work, preset)

    def _within(self, codec: Codec, work: Work, what: str, advice: str, preset: Preset = Preset.BALANCED) -> Demand:
        if self._limits.seconds is None:
            return Demand.of(work, 0.0)
        seconds = self._estimates.seconds(codec, work, preset)
        require_within(seconds, self._limits, what, advice)
        return Demand.of(work, seconds)


def fit_picture(pixels: Pixels, spec: ModelSpec) -> Fitted:
    """A picture, uint8 [H,W,3], cut and scaled to what a model knows; one that is fitted stays as it is.

    Raises:
        ImageError: if it is no picture.
    """
    require_pixels(pixels)
    height, width = pixels.shape[:2]
    if spec.native is None:
        return Fitted(pixels, "")
    if spec.kind is Kind.LATENT:
        fitted = fit_pixels(pixels, int(LATENT_AREA * spec.native**2))
    else:
        fitted = _square(pixels, spec.native)
    new_height, new_width = fitted.shape[:2]
    if (new_height, new_width) == (height, width):
        return Fitted(pixels, "")
    done = "Scaled" if spec.kind is Kind.LATENT or height == width else "Cut and scaled"
    limit = "the most that" if spec.kind is Kind.LATENT else "the size that"
    return Fitted(
        fitted, f"{done} from {width} x {height} to {new_width} x {new_height} pixels, {limit} {spec.label} knows."
    )


def _square(pixels: Pixels, side: int) -> Pixels:
    """The middle of a picture, as large a square as it holds, at `side` by `side` pixels."""
    height, width = pixels.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    square = pixels[top : top + edge, left : left + edge]
    return np.array(Image.fromarray(square).resize((side, side), Image.Resampling.LANCZOS))
