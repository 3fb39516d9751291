"""How much one call may compute: known before its first step, and held against what a host allows.

A file of thirty bytes can ask for minutes, one of eight thousand for hours: what it says about itself tells which.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from diffdemo.codecs.base import Codec
from diffdemo.codecs.records import Preset, Work
from diffdemo.errors import WorkLimitError
from diffdemo.images import MAX_PIXELS
from diffdemo.plain_text import duration

PAGE_SECONDS = 300.0
"""What a page allows where its host says nothing: enough for all that it offers for a photograph of 1 megapixel."""
SEARCHED_BITS_A_SECOND = {Preset.FAST: 60e3, Preset.BALANCED: 40e3, Preset.BEST: 12e3}
"""Of channel simulation on two cores, as files of photographs have it."""
BYTES_A_PIXEL = 1_600
"""Of memory, while a picture is coded: activations of the network, codebook scores, states."""
TRIAL_SIDE = 256
TRIALS = 2
"""The first one compiles."""
TOLERANCE = 1.1
"""Who was fitted to a limit must not be refused for a rounded side."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may ask for: pixels of one picture, and estimated seconds of computing (None for any)."""

    pixels: int = MAX_PIXELS
    seconds: float | None = None

    @classmethod
    def of_page(cls, environment: Mapping[str, str] = os.environ) -> Limits:
        """Those of a page: `DIFFDEMO_MAX_PIXELS` and `DIFFDEMO_MAX_SECONDS`, or defaults that are safe.

        Raises:
            ValueError: one of them is set to something else than a positive number.
        """
        pixels = _positive(environment, "DIFFDEMO_MAX_PIXELS", MAX_PIXELS)
        return cls(min(MAX_PIXELS, int(pixels)), _positive(environment, "DIFFDEMO_MAX_SECONDS", PAGE_SECONDS))


@dataclass(frozen=True, slots=True)
class Demand:
    """What a call will take: seconds alone on this device, 0 where nothing is limited; bytes while it computes."""

    seconds: float
    memory: int

    @classmethod
    def of(cls, work: Work, seconds: float) -> Demand:
        """The memory follows from the pixels."""
        return cls(seconds, work.pixels * BYTES_A_PIXEL)


class Estimates:
    """How long work takes here, by one timed evaluation of each network.

    Args:
        timed: seconds that a call takes alone on the device.
    """

    def __init__(self, timed: Callable[[Callable[[], object]], float]) -> None:
        self._timed = timed
        self._lock = threading.Lock()
        self._trials: dict[bytes, threading.Lock] = {}
        self._seconds_a_pixel: dict[bytes, float] = {}

    def seconds(self, network: Codec, work: Work, preset: Preset = Preset.BALANCED) -> float:
        """Seconds for an encode or a decode, with a preset where there is a search."""
        searched = work.searched_bits / SEARCHED_BITS_A_SECOND[preset]
        return self._speed(network) * work.pixels * work.evaluations + searched

    def _speed(self, network: Codec) -> float:
        known, name = self._seconds_a_pixel, network.fingerprint
        with self._lock:
            trial = self._trials.setdefault(name, threading.Lock())
        with trial:  # Whoever asks about another network does not wait for this one's.
            if name not in known:
                evaluate = partial(network.evaluate_once, TRIAL_SIDE, TRIAL_SIDE)
                known[name] = min(self._timed(evaluate) for _ in range(TRIALS)) / TRIAL_SIDE**2
            return known[name]


def require_within(seconds: float, limits: Limits, what: str, advice: str) -> None:
    """Check a call before it begins.

    Args:
        what: the call in words, such as "Decoding this file (438 steps of 512 x 512 pixels)".

    Raises:
        WorkLimitError: it would take longer than is allowed.
    """
    if limits.seconds is not None and seconds > TOLERANCE * limits.seconds:
        raise WorkLimitError(
            f"{what} would take about {duration(seconds, at_most=True)} here; "
            f"one call may take {duration(limits.seconds, at_most=True)}. {advice}"
        )


def _positive(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ValueError(f"{name} is '{text}'; it must be a positive number.")
    return value
