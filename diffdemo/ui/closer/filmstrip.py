"""The picture as its bits arrive: side by side, and in time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from diffdemo.engine import Engine, Frame
from diffdemo.ui import words

COUNT = 8
FRAMES_A_SECOND = 8
LINES = {"56k": ("56k modem", 56_000.0), "3g": ("3G phone", 384_000.0), "lora": ("LoRa radio", 5_470.0)}
"""Name and bits per second; LoRa at spreading factor 7 and 125 kHz."""
LONGEST_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Arrived:
    """How much of a download is here.

    Attributes:
        frame: what can be seen so far; None before anything can.
        seconds: since it began.
        num_bytes, whole_bytes: here, and in all.
    """

    frame: Frame | None
    seconds: float
    num_bytes: int
    whole_bytes: int


def film(engine: Engine, data: bytes, count: int = COUNT) -> list[Frame]:
    """Pictures along a file, at sizes evenly spaced in their logarithm; only what has been computed already."""
    steps = [step.end_bytes for step in engine.describe(data).steps if step.received]
    if not steps:
        return []
    wanted = [steps[0] * (steps[-1] / steps[0]) ** (i / max(1, count - 1)) for i in range(count)]
    ends = sorted({min(steps, key=lambda end: abs(math.log(end / size))) for size in wanted})
    frames = [engine.preview(data, end) for end in ends]
    return [frame for frame in frames if frame is not None]


def arriving(engine: Engine, data: bytes, bits_per_second: float) -> Iterator[Arrived]:
    """A download in real time: what can be seen after so many seconds, a few times a second.

    Args:
        bits_per_second: of the line; so much of it that nobody waits longer than five minutes.
    """
    whole = len(data)
    seconds_in_all = 8 * whole / bits_per_second
    pace = max(1.0, seconds_in_all / LONGEST_SECONDS)
    began, frame = time.monotonic(), None
    while True:
        seconds = (time.monotonic() - began) * pace
        here = min(whole, int(seconds * bits_per_second / 8))
        latest = engine.preview(data, here)
        if latest is not None and (frame is None or not np.array_equal(latest.pixels, frame.pixels)):
            frame = latest
        yield Arrived(frame, min(seconds, seconds_in_all), here, whole)
        if here >= whole:
            return
        time.sleep(1 / FRAMES_A_SECOND)


def clock(arrived: Arrived, line: str) -> str:
    """A download in a sentence."""
    label, rate = LINES[line]
    seen = "nothing to see yet" if arrived.frame is None else f"{words.size(arrived.num_bytes)} are here"
    share = 100 * arrived.num_bytes / arrived.whole_bytes
    return (
        f'<p class="clock"><b>{arrived.seconds:.1f} s</b> over a {label} ({rate / 1000:g} kbit/s): {seen}, of '
        f'{words.size(arrived.whole_bytes)}.</p><div class="meter"><i style="width:{share:.1f}%"></i></div>'
    )
