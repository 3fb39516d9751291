"""Several pictures from the same bits: what they share was sent, what they differ in was imagined."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diffdemo.codecs.records import Working
from diffdemo.engine.records import Frame, Samples
from diffdemo.errors import RateError
from diffdemo.images import Pixels

MAX_SAMPLES = 16
SPREAD_GAIN = 4.0
"""How much brighter than measured the map of the spread is drawn; most textures vary by a few grey levels only."""


def require_count(count: int) -> None:
    """Check how many pictures were asked for.

    Raises:
        RateError: it is less than 2, or more than `MAX_SAMPLES`.
    """
    if not 2 <= count <= MAX_SAMPLES:
        raise RateError(f"{count} samples were asked for; it must be 2 to {MAX_SAMPLES}.")


def gather(draws: Iterator[Iterator[Frame | Working]], count: int) -> Iterator[Samples | Working]:
    """What is known after each step of `count` decodes of one file that differ in nothing but their seed."""
    finished: list[Frame] = []
    for frames in draws:
        for frame in frames:
            if isinstance(frame, Working):
                yield frame
                continue
            latest = frame
            yield _samples([*finished, frame], count, frame)
        finished.append(latest)


def _samples(frames: list[Frame], count: int, latest: Frame) -> Samples:
    pictures = tuple(frame.pixels for frame in frames)
    done = len(frames) - 1 + latest.step / latest.num_steps
    return Samples(
        pictures=pictures,
        psnr_db=tuple(frame.psnr_db for frame in frames),
        mean=mean_of(pictures),
        spread=spread_of(pictures),
        count=count,
        share_done=done / count,
    )


def mean_of(pictures: tuple[Pixels, ...]) -> Pixels:
    """The average of pictures [H,W,3], rounded."""
    total = np.zeros(pictures[0].shape, np.uint32)
    for picture in pictures:
        total += picture
    mean: Pixels = np.rint(total / np.float32(len(pictures))).astype(np.uint8)
    return mean


def spread_of(pictures: tuple[Pixels, ...]) -> Pixels:
    """Standard deviation over pictures, root mean square over colours: grey, `SPREAD_GAIN` times as bright."""
    total = np.zeros(pictures[0].shape, np.int64)
    squares = np.zeros(pictures[0].shape, np.int64)
    for picture in pictures:
        total += picture
        squares += picture.astype(np.int64) ** 2
    # n^2 times the variance, in integers: n sum x^2 - (sum x)^2.
    scaled = (len(pictures) * squares - total**2).mean(axis=2, keepdims=True)
    deviation = np.sqrt(scaled) / len(pictures)
    return np.repeat(np.clip(np.rint(SPREAD_GAIN * deviation), 0, 255).astype(np.uint8), 3, axis=2)
